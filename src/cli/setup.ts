import { isatty } from "node:tty";
import { systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { FlagSpec } from "../config/argv.ts";
import { systemSources } from "../config/system-sources.ts";
import { createLogger } from "../observe/log.ts";
import { createDriver } from "../plugin/create-driver.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { parseToolArguments } from "./tools/arguments.ts";
import { CONTESTED, CONTESTED_REMEDY } from "./tools/setup/keep-access.ts";
import { renderSetUp, type SetUpReport, setUp } from "./tools/setup/set-up.ts";
import { usageError } from "./usage-error.ts";

const allowPartial: FlagSpec = {
  flag: "allow-partial",
  isSwitch: true,
  expected: "nothing",
  description: "One device that is ready is enough",
};

export const setupCommand: Command = {
  syntax: { flags: [allowPartial], options: "all" },
  help: () => `Usage: ${PROGRAM} setup [--allow-partial] [options of run]

Loads the module if it isn't loaded, makes the devices that are missing, sets mode and group, looks at all of it and
exits. It touches no device that is right already, so it may run again while pods have devices. For an init
container, before a "run --no-manage-devices" that has no privileges.

udev gives new devices a mode of its own some time after they are there. So after making one, mode and group are given
back until they have been left alone for 3 s, or for 15 s at most. What udev does later is not undone.

Exit code 0 means that all devices are ready, 1 that one or more are not, each with the reason.

Options:
  --allow-partial   One device that is ready is enough for exit code 0.
  --help            Show this text.

All options of "${PROGRAM} run" and their variables are taken. The result is a table on a terminal or with
LOG_FORMAT=pretty, log lines in JSON elsewhere.
`,

  async run(argv, terminal) {
    const parsed = parseToolArguments(systemSources(argv), {
      positionals: [],
      flags: [allowPartial],
    });
    if (!parsed.ok) return usageError(parsed.problems, "setup --help", terminal);
    const { flags, config } = parsed.arguments;
    const pretty = config.logFormat === "auto" ? isatty(1) : config.logFormat === "pretty";
    const log = createLogger({
      level: config.logLevel,
      format: pretty ? "pretty" : "json",
      colour: isatty(1),
      write: terminal.out,
    });
    try {
      // Making devices is what this command is for, whatever the process after it may do.
      const driver = createDriver({ ...config, manageDevices: true }, log);
      const report = await setUp(driver, {
        allowPartial: flags.get("allow-partial") === "true",
        clock: systemClock,
      });
      if (pretty) terminal.out(renderSetUp(report));
      else tell(report, log);
      return report.ok ? exitCode.ok : exitCode.failure;
    } catch (reason) {
      if (pretty) throw reason;
      log.error("Devices could not be set up", PluginError.from(reason).fields());
      return exitCode.failure;
    }
  },
};

function tell({ devices, contested }: SetUpReport, log: Logger): void {
  for (const { id, path, state, outcome, detail, remedy } of devices) {
    if (outcome !== "failed") continue;
    const fields = { device_id: id, device_path: path, state, error: detail };
    log.error("Device could not be set up", remedy === "" ? fields : { ...fields, remedy });
  }
  if (contested.length > 0) {
    log.warn("Device nodes do not keep their mode and group", {
      device_ids: contested,
      detail: CONTESTED,
      remedy: CONTESTED_REMEDY,
    });
  }
  const ids = (wanted: string) =>
    devices.filter(({ outcome }) => outcome === wanted).map(({ id }) => id);
  log.info("Devices set up", {
    created_device_ids: ids("created"),
    adopted_device_ids: ids("adopted"),
    failed_device_ids: ids("failed"),
  });
}
