import type { Terminal } from "./terminal.ts";

/** The program's name, as people type it. */
export const PROGRAM = "video-device-plugin";

/** One command of the program. */
export interface Command {
  readonly name: string;
  /** What it does, in a few words without a full stop, for the list of commands. */
  readonly summary: string;
  /** The text of `<command> --help`; ends with a line break. */
  help(): string;
  /** Does it, given the arguments after its name, and resolves to the exit code. */
  run(argv: readonly string[], terminal: Terminal): Promise<number>;
}
