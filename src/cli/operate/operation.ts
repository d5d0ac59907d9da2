import type { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import { quote } from "../../config/problem.ts";
import { systemSources } from "../../config/system-sources.ts";
import { PROGRAM } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";
import { type ArgumentsSpec, parseToolArguments, type ToolArguments } from "../tools/arguments.ts";
import { printable, under } from "../tools/table.ts";
import { usageError } from "../usage-error.ts";
import { type AdminClient, createAdminClient } from "./admin-client.ts";
import { explainFailure } from "./explain-failure.ts";
import { UNREACHABLE } from "./unreachable.ts";

/** The options of `run` that say where the plugin is, and where devices are that are named by a path. */
export const OPERATE_OPTIONS: readonly (keyof Config)[] = ["adminSocket", "deviceDir", "sysfsDir"];

/** What a command has that talks to the running plugin. */
export interface Operation extends ToolArguments {
  readonly client: AdminClient;
  readonly terminal: Terminal;
  /** A person's text is coloured: the output is a screen, and NO_COLOR (https://no-color.org) isn't set. */
  readonly colour: boolean;
}

/**
 * Reads the command line and does `work`. What it throws is told on the error output: exit code
 * 2 if no plugin answers, 1 for anything else.
 */
export async function operate(
  command: string,
  spec: ArgumentsSpec,
  argv: readonly string[],
  terminal: Terminal,
  work: (operation: Operation) => Promise<number>,
): Promise<number> {
  const sources = systemSources(argv);
  const parsed = parseToolArguments(sources, { options: OPERATE_OPTIONS, ...spec });
  if (!parsed.ok) return usageError(parsed.problems, `${command} --help`, terminal);
  const { adminSocket } = parsed.arguments.config;
  const colour = terminal.screen !== undefined && !sources.env["NO_COLOR"];
  try {
    const client = createAdminClient(adminSocket);
    return await work({ ...parsed.arguments, client, terminal, colour });
  } catch (error) {
    return tell(explainFailure(error, adminSocket), PROGRAM, terminal);
  }
}

/** A line on what went wrong and one on what to do; the exit code for it. */
export function tell(error: PluginError, subject: string, terminal: Terminal): number {
  const { code, message, remedy } = error;
  const lines = [under(subject, message), ...(remedy === undefined ? [] : [remedy])];
  terminal.err(lines.map((line) => `${printable(line)}\n`).join(""));
  return code === UNREACHABLE ? exitCode.unreachable : exitCode.failure;
}

/** A flag's whole number within `min` and `max`; undefined if it is none. */
export function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text);
  return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : undefined;
}

/** The answer to a flag's value that isn't what it has to be. */
export function wrongValue(
  command: string,
  { flag, expected }: { readonly flag: string; readonly expected: string },
  text: string,
  terminal: Terminal,
): number {
  const problem = { subject: `--${flag}`, text: `got ${quote(text)}, expected ${expected}` };
  return usageError([problem], `${command} --help`, terminal);
}
