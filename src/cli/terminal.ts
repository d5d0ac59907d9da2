import { isatty } from "node:tty";
import { writeAllSync } from "../common/write-sync.ts";

/** Where a command's text goes. Texts bring their own line breaks. */
export interface Terminal {
  /** `false` says that the reader is gone; who writes on and on had better stop then. */
  out(text: string): unknown;
  err(text: string): void;
  /** The standard output as a screen; undefined if it is a file or a pipe. */
  readonly screen?: Screen | undefined;
}

/** Size of a screen at this moment, in characters. */
export interface Screen {
  columns(): number;
  rows(): number;
}

/** The process's own standard output and error, written before the call returns. */
export const systemTerminal: Terminal = {
  out: (text) => writeAllSync(1, text),
  err: (text) => writeAllSync(2, text),
  get screen() {
    return isatty(1) ? systemScreen : undefined;
  },
};

/** 80x24 where the terminal tells no size, as a serial line doesn't. */
const systemScreen: Screen = {
  columns: () => process.stdout.columns || 80,
  rows: () => process.stdout.rows || 24,
};
