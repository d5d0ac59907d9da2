import { systemSources } from "../config/system-sources.ts";
import {
  type ArgumentsSpec,
  flagsOf,
  type Given,
  type OwnFlags,
  readArguments,
} from "./arguments.ts";
import type { Command, Syntax } from "./command.ts";
import { type HelpText, renderCommandHelp } from "./command-help.ts";
import type { Terminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";

/** A command that reads its arguments by a table, from which its help and its completions come, too. */
export interface CommandSpec<F extends OwnFlags>
  extends ArgumentsSpec<F>,
    HelpText,
    Pick<Syntax, "words" | "devices"> {
  /** Runs the command, and resolves to the exit code. */
  run(given: Given<F>, terminal: Terminal): Promise<number>;
}

/** Makes the command called `name`. */
export function defineCommand<F extends OwnFlags>(name: string, spec: CommandSpec<F>): Command {
  const { flags, options, words, devices } = spec;
  return {
    syntax: {
      flags: flagsOf(flags),
      options: options ?? [],
      words: words ?? [],
      devices: devices ?? false,
    },
    help: (columns) => renderCommandHelp(spec, spec, columns),
    run: (argv, terminal) => runWith(argv, `${name} --help`, spec, terminal),
  };
}

/** Reads the arguments and does the work, or lists what is wrong with them. */
export async function runWith<F extends OwnFlags>(
  argv: readonly string[],
  help: string,
  spec: ArgumentsSpec<F> & Pick<CommandSpec<F>, "run">,
  terminal: Terminal,
): Promise<number> {
  const read = readArguments(systemSources(argv), spec);
  return read.ok ? spec.run(read.given, terminal) : usageError(read.problems, help, terminal);
}
