import { isatty } from "node:tty";
import { writeAllSync } from "../common/write-sync.ts";
import { systemSources } from "../config/system-sources.ts";

/** Where a command's text goes. Texts bring their own line breaks. */
export interface Terminal {
  /** Returns `false` if the reader is gone: a command that writes on and on should stop then. */
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

/** 80x24 where the terminal has no size, as on a serial line. */
const systemScreen: Screen = {
  columns: () => process.stdout.columns || 80,
  rows: () => process.stdout.rows || 24,
};

/**
 * Aborts on the first Ctrl-C or SIGTERM, so that the command can end in order. The second one ends the process at
 * once, after `onSecond`.
 */
export function interruptSignal(onSecond?: () => void): AbortSignal {
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) {
      onSecond?.();
      process.exit(128 + 2);
    }
    interrupt.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return interrupt.signal;
}

/** True if texts for people may have colours: on a screen, unless NO_COLOR (https://no-color.org) is set. */
export function hasColour({ screen }: Terminal): boolean {
  return screen !== undefined && !systemSources([]).env["NO_COLOR"];
}
