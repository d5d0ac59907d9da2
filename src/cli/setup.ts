import { isatty } from "node:tty";
import { systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { createLogger } from "../observe/log.ts";
import { createDrivers } from "../plugin/create-drivers.ts";
import { switchFlag } from "./arguments.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { contestedDetail, contestedRemedy } from "./setup/keep-access.ts";
import { renderSetUp, type SetUpReport, setUp } from "./setup/set-up.ts";
import { textColumns } from "./terminal.ts";

export const setupCommand = defineCommand("setup", {
  usage: ["setup [--allow-partial] [options of run]"],
  about: `Loads the module if it isn't loaded, creates the missing devices, sets mode and group, inspects all of it and
exits. It doesn't touch healthy devices, so it may run again while pods own devices. Made for an init container, before
a "run --no-manage-devices" that has no privileges.

udev sets the mode of a new device some time after the device has appeared. So after creating one, the command restores
mode and group until they have stayed the same for 3 s, or for 15 s at most.

The result is a table on a terminal or with LOG_FORMAT=pretty, and log lines in JSON elsewhere.`,
  exitCodes: ["all devices are ready", "at least one is not; the output has the reason"],
  flags: { "allow-partial": switchFlag("One ready device is enough for exit code 0.") },
  options: "all",
  async run({ flags, config, pools }, terminal) {
    const pretty = config.logFormat === "auto" ? isatty(1) : config.logFormat === "pretty";
    const log = createLogger({
      level: config.logLevel,
      format: pretty ? "pretty" : "json",
      colour: isatty(1),
      write: terminal.out,
    });
    try {
      const ready = pools.filter((pool) => pool.kind === "loopback" && pool.options.readyCameras);
      if (ready.length > 0) {
        const names = ready.map(({ name }) => name).join(", ");
        const setting = config.configFile === "" ? "READY_CAMERAS" : `ready of ${names}`;
        throw new PluginError(
          "not_supported",
          "Ready cameras can't be set up: they are cameras only while the plugin holds them.",
          { remedy: `Leave out ${setting} here. The running plugin creates them itself.` },
        );
      }
      // This command creates devices, even if the process after it may not.
      const managing = { ...config, manageDevices: true };
      const allowPartial = flags["allow-partial"] ?? false;
      const reports: SetUpReport[] = [];
      // Real devices need no setup, and the running plugin keeps their names.
      const made = pools.filter(({ kind }) => kind === "loopback");
      for (const { driver } of createDrivers(managing, made, log, { cleans: false })) {
        reports.push(await setUp(driver, { allowPartial, clock: systemClock }));
      }
      const report = joined(reports, allowPartial);
      if (pretty) terminal.out(renderSetUp(report, terminal.screen && textColumns(terminal)));
      else logReport(report, log);
      return report.ok ? exitCode.ok : exitCode.failure;
    } catch (reason) {
      if (pretty) throw reason;
      log.error("Devices could not be set up", PluginError.from(reason).fields());
      return exitCode.failure;
    }
  },
});

/** The reports of several pools as one. */
function joined(reports: readonly SetUpReport[], allowPartial: boolean): SetUpReport {
  return {
    devices: reports.flatMap(({ devices }) => devices),
    contested: reports.flatMap(({ contested }) => contested),
    ok: reports.every(({ ok }) => ok) || (allowPartial && reports.some(({ ok }) => ok)),
  };
}

function logReport({ devices, contested }: SetUpReport, log: Logger): void {
  for (const { id, path, state, outcome, detail, remedy } of devices) {
    if (outcome !== "failed") continue;
    const fields = { device_id: id, device_path: path, state, error: detail };
    log.error("Device could not be set up", remedy === "" ? fields : { ...fields, remedy });
  }
  if (contested.length > 0) {
    log.warn("Device nodes do not keep their mode and group", {
      device_ids: contested,
      detail: contestedDetail,
      remedy: contestedRemedy,
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
