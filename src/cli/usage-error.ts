import { formatProblems, type Problem } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { exitCode, type ListedCommand, program } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** Writes what is wrong with a command's arguments and which help to read; returns the exit code. */
export function usageError(
  problems: readonly Problem[],
  helpArguments: string,
  terminal: Terminal,
): number {
  terminal.err(formatProblems(problems, `${program} ${helpArguments}`));
  return exitCode.usage;
}

/** Writes that there is no such command, and which one may be meant; returns the exit code. */
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
