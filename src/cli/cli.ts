import { PluginError } from "../common/plugin-error.ts";
import { exitCode, type ListedCommand, program } from "./command.ts";

import { systemTerminal, type Terminal, textColumns } from "./terminal.ts";
import { unknownCommand } from "./usage-error.ts";

/** The command if the first argument is an option, or there is none. */
const defaultCommand = "run";

/** Flags that stand for a command if they come first. */
const commandFlags: ReadonlyMap<string, string> = new Map([
  ["-h", "help"],
  ["--help", "help"],
  ["--version", "version"],
]);

/**
 * Runs the command in `argv`, which lacks the program's own name. Resolves to the exit code; what the command throws
 * goes to the error output, with its remedy.
 */
export async function runCli(
  argv: readonly string[],
  commands: readonly ListedCommand[],
  terminal: Terminal = systemTerminal,
): Promise<number> {
  const [first, ...rest] = argv;
  const named = first !== undefined && !first.startsWith("-");
  const flagged = first === undefined ? undefined : commandFlags.get(first);
  const name = named ? first : (flagged ?? defaultCommand);
  const listed = commands.find((candidate) => candidate.name === name);
  if (listed === undefined) return unknownCommand(name, commands, terminal);
  const command = await listed.load();

  const commandArgv = named || flagged !== undefined ? rest : argv;
  if (commandArgv.some((argument) => argument === "-h" || argument === "--help")) {
    terminal.out(command.help(textColumns(terminal)));
    return exitCode.ok;
  }
  try {
    return await command.run(commandArgv, terminal);
  } catch (reason) {
    const { message, remedy } = PluginError.from(reason);
    terminal.err(`${program}: ${message}\n${remedy === undefined ? "" : `${remedy}\n`}`);
    return exitCode.failure;
  }
}
