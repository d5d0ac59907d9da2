import { isatty } from "node:tty";
import { loadConfig } from "../config/load-config.ts";
import { formatProblems } from "../config/problem.ts";
import { systemSources } from "../config/system-sources.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { examine, isFit } from "./tools/doctor/examine.ts";
import { gatherFacts } from "./tools/doctor/facts.ts";
import { renderChecks } from "./tools/doctor/render.ts";

export const doctorCommand: Command = {
  syntax: {
    flags: [{ flag: "json", isSwitch: true, expected: "nothing" }],
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
    const json = argv.includes("--json");
    const loaded = loadConfig(systemSources(argv.filter((argument) => argument !== "--json")));
    if (!loaded.ok) {
      terminal.err(formatProblems(loaded.problems, `${PROGRAM} run --help`));
      return exitCode.config;
    }
    const checks = examine(await gatherFacts(loaded.config));
    const ok = isFit(checks);
    terminal.out(
      json ? `${JSON.stringify({ ok, checks }, undefined, 2)}\n` : renderChecks(checks, isatty(1)),
    );
    return ok ? exitCode.ok : exitCode.failure;
  },
};
