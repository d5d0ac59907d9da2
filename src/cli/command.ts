import type { Config } from "../config/config.ts";
import type { Flag } from "../config/parse-arguments.ts";
import type { Terminal } from "./terminal.ts";

/** The program's name, as people type it. */
export const program = "video-device-plugin";

/** Exit codes, after sysexits.h where it has one. */
export const exitCode = {
  ok: 0,
  failure: 1,
  /** No plugin answers on this node. */
  unreachable: 2,
  /** EX_USAGE: an unknown command, or arguments that the command does not take. */
  usage: 64,
  /** EX_CONFIG: an unknown option, or an option's value that is not allowed. */
  config: 78,
} as const;

/** What can follow a command's name. The shells' completions are made from it. */
export interface Syntax {
  readonly flags?: readonly Flag[];
  /** Options of `run` that the command takes as well; `all` includes --env-file. Default none. */
  readonly options?: readonly (keyof Config)[] | "all";
  /** Words that need no flag. Default none. */
  readonly words?: readonly string[];
  /** True if the command takes devices. Default false. */
  readonly devices?: boolean;
}

/** One command of the program. */
export interface Command {
  readonly syntax: Syntax;
  /** The text of `<command> --help`, wrapped at `columns`, by default 80; ends with a line break. */
  help(columns?: number): string;
  /** Runs the command with the arguments after its name, and resolves to the exit code. */
  run(argv: readonly string[], terminal: Terminal): Promise<number>;
}

/** A command in the list of all: what is needed to find and list it. */
export interface ListedCommand {
  readonly name: string;
  /** What the command does, in a few words without a full stop. */
  readonly summary: string;
  /** Loads the command. A probe runs every few seconds and must not load the gRPC library of `run`. */
  load(): Promise<Command>;
}
