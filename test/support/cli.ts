import { runCli } from "../../src/cli/cli.ts";
import { commands } from "../../src/cli/commands.ts";
import type { Screen } from "../../src/cli/terminal.ts";

/** A command's output and exit code. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program's command line in this process. */
export async function cli(argv: readonly string[], screen?: Screen): Promise<CliResult> {
  const written = { out: "", err: "" };
  const code = await runCli(argv, commands, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    screen,
  });
  return { code, ...written };
}
