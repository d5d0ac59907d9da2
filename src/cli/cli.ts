import { PluginError } from "../common/plugin-error.ts";
import { exitCode, type ListedCommand, program } from "./command.ts";

import { systemTerminal, type Terminal } from "./terminal.ts";
import { unknownCommand } from "./usage-error.ts";

/** What runs when the first argument isn't a command's name but an option, or nothing. */
const DEFAULT_COMMAND = "run";

/** Flags that stand for a command if they come first. */
const COMMAND_FLAGS: ReadonlyMap<string, string> = new Map([
  ["-h", "help"],
  ["--help", "help"],
  ["--version", "version"],
]);

/**
 * Finds the command that `argv` (without the program's own name) asks for and runs it.
 * Resolves to the exit code; what a command throws is told in a line on the error output.
 */
export async function runCli(
  argv: readonly string[],
  commands: readonly ListedCommand[],
  terminal: Terminal = systemTerminal,
): Promise<number> {
  const [first, ...rest] = argv;
  const named = first !== undefined && !first.startsWith("-");
  const flagged = first === undefined ? undefined : COMMAND_FLAGS.get(first);
  const name = named ? first : (flagged ?? DEFAULT_COMMAND);
  const listed = commands.find((candidate) => candidate.name === name);
  if (listed === undefined) return unknownCommand(name, commands, terminal);
  const command = await listed.load();

  const commandArgv = named || flagged !== undefined ? rest : argv;
  if (commandArgv.some((argument) => argument === "-h" || argument === "--help")) {
    terminal.out(command.help());
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
