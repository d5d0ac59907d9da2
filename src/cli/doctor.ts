import { isatty } from "node:tty";
import type { FlagSpec } from "../config/argv.ts";
import { systemSources } from "../config/system-sources.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { parseToolArguments } from "./tools/arguments.ts";
import { examine, isFit } from "./tools/doctor/examine.ts";
import { gatherFacts } from "./tools/doctor/facts.ts";
import { renderChecks } from "./tools/doctor/render.ts";
import { usageError } from "./usage-error.ts";

const jsonFlag: FlagSpec = { flag: "json", isSwitch: true, expected: "nothing" };

export const doctorCommand: Command = {
  syntax: {
    flags: [jsonFlag],
    options: "all",
  },
  help: () => `Usage: ${PROGRAM} doctor [--json] [options of run]

Looks at the kernel, the module and its file, what it may be loaded with, privileges, devices, other cameras,
memory clearing and the kubelet's sockets, and tells of each: ✓ fine, ! worth knowing, ✗ a problem, with what
to do about it. Changes nothing and opens no camera.

Exit code 0 means that the plugin could do its job here, 1 that something is in its way.

Options:
  --json   One JSON object: ok, and checks with check, title, state (ok, warning, problem), detail, remedy.
  --help   Show this text.

All options of "${PROGRAM} run" and their variables are taken, and decide where it looks.
`,

  async run(argv, terminal) {
    const parsed = parseToolArguments(systemSources(argv), { positionals: [], flags: [jsonFlag] });
    if (!parsed.ok) return usageError(parsed.problems, "doctor --help", terminal);
    const { flags, config } = parsed.arguments;
    const json = flags.get("json") === "true";
    const checks = examine(await gatherFacts(config));
    const ok = isFit(checks);
    terminal.out(
      json ? `${JSON.stringify({ ok, checks }, undefined, 2)}\n` : renderChecks(checks, isatty(1)),
    );
    return ok ? exitCode.ok : exitCode.failure;
  },
};
