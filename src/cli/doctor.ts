import { switchFlag } from "./arguments.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { examine, isFit } from "./doctor/examine.ts";
import { examinePools } from "./doctor/examine-pools.ts";
import { gatherFacts } from "./doctor/facts.ts";
import { gatherPools } from "./doctor/pools-facts.ts";
import { renderChecks } from "./doctor/render-checks.ts";
import { hasColour, textColumns } from "./terminal.ts";

export const doctorCommand = defineCommand("doctor", {
  usage: ["doctor [--json] [options of run]"],
  about: `Checks the kernel, the module and its file, what prevents loading it, privileges, devices, other cameras, memory
clearing and the kubelet's sockets; with a config file, each pool, and what the container runtime does with CDI devices. Each check is ✓ fine, ! a warning or ✗ a problem, with
a remedy. Changes nothing and opens no camera. The exception are pools of real devices: root asks those that are free what
they are, in a process that may hang.`,
  exitCodes: ["the plugin can work here", "a problem prevents it"],
  flags: {
    json: switchFlag(
      "Prints one JSON object: ok, and checks with check, title, state (ok, warning, problem), detail, remedy, and pool if there are several.",
    ),
  },
  options: "all",
  async run({ flags, config, pools }, terminal) {
    const checks =
      config.configFile === ""
        ? examine(await gatherFacts(config))
        : examinePools(await gatherPools(config, pools));
    const ok = isFit(checks);
    // Whole lines for grep, where there is no screen.
    const columns = terminal.screen ? textColumns(terminal) : Number.POSITIVE_INFINITY;
    terminal.out(
      flags.json === true
        ? `${JSON.stringify({ ok, checks }, undefined, 2)}\n`
        : renderChecks(checks, { colour: hasColour(terminal), columns }),
    );
    return ok ? exitCode.ok : exitCode.failure;
  },
});
