import type { FlagSpec } from "../config/argv.ts";
import type { Config } from "../config/config.ts";
import type { Terminal } from "./terminal.ts";

/** The program's name, as people type it. */
export const PROGRAM = "video-device-plugin";

/** What can be typed after a command's name; from it the shells' completions are made. */
export interface Syntax {
  /** Flags of its own. */
  readonly flags?: readonly FlagSpec[];
  /** Options of `run` that it takes as well; `all` has --env-file among them. Default none. */
  readonly options?: readonly (keyof Config)[] | "all";
  /** Words that may stand without a flag. Default none. */
  readonly words?: readonly string[];
  /** Devices may stand there, too. Default false. */
  readonly devices?: boolean;
}

/** One command of the program. */
export interface Command {
  readonly syntax: Syntax;
  /** The text of `<command> --help`; ends with a line break. */
  help(): string;
  /** Does it, given the arguments after its name, and resolves to the exit code. */
  run(argv: readonly string[], terminal: Terminal): Promise<number>;
}

/** A command as the list of all knows it: enough to find and to list it, the rest is loaded when it is needed. */
export interface ListedCommand {
  readonly name: string;
  /** What it does, in a few words without a full stop, for the list of commands. */
  readonly summary: string;
  /** A probe that runs every few seconds must not wait for the gRPC library of `run`. */
  load(): Promise<Command>;
}
