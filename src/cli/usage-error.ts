import { formatProblems, type Problem } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { type ListedCommand, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/** Says what was wrong with a command's arguments and where to read on; the exit code for it. */
export function usageError(
  problems: readonly Problem[],
  helpArguments: string,
  terminal: Terminal,
): number {
  terminal.err(formatProblems(problems, `${PROGRAM} ${helpArguments}`));
  return exitCode.usage;
}

/** The answer to a command's name that doesn't exist. */
export function unknownCommand(
  name: string,
  commands: readonly ListedCommand[],
  terminal: Terminal,
): number {
  const nearest = suggest(
    name.toLowerCase(),
    commands.map((command) => command.name),
  );
  const text = `unknown command${didYouMean(nearest)}`;
  return usageError([{ subject: name, text }], "help", terminal);
}

/** The answer to arguments of a command that takes none, or no more than it was given before them. */
export function unexpectedArguments(
  extra: readonly string[],
  command: string,
  terminal: Terminal,
): number {
  const problems = extra.map((subject) => ({ subject, text: "unexpected argument" }));
  return usageError(problems, `${command} --help`, terminal);
}
