import { isatty } from "node:tty";
import { writeAllSync } from "../common/write-sync.ts";
import { systemSources } from "../config/system-sources.ts";
import { ignoresSignal } from "../linux/ignored-signals.ts";

/** Where a command's text goes. Texts bring their own line breaks. */
export interface Terminal {
  /** Returns `false` if the reader is gone: a command that writes on and on should stop then. */
  out(text: string): unknown;
  err(text: string): void;
  /** The standard output as a screen; undefined if it is a file or a pipe. */
  readonly screen?: Screen | undefined;
  /** The keyboard; undefined if the standard input is a file or a pipe. */
  readonly keyboard?: Keyboard | undefined;
}

/** Single keys, without Enter. */
export interface Keyboard {
  /**
   * Calls `onKey` for each key from now on; Ctrl-C is the key `\x03` then, and no signal. Returns a function that
   * restores the terminal. So does the end of the process.
   */
  listen(onKey: (key: string) => void): () => void;
}

/** Size of a screen at this moment, in characters. */
export interface Screen {
  columns(): number;
  rows(): number;
}

/** The process's own standard output and error, written before the call returns. */
export const systemTerminal: Terminal = {
  out: (text) => write(1, text),
  err: (text) => write(2, text),
  get screen() {
    return isatty(1) ? systemScreen : undefined;
  },
  get keyboard() {
    return isatty(0) ? systemKeyboard : undefined;
  },
};

const systemKeyboard: Keyboard = {
  listen(onKey) {
    const { stdin } = process;
    const onData = (chunk: Buffer) => {
      for (const key of chunk.toString()) onKey(key);
    };
    const restore = () => void stdin.setRawMode(false);
    process.once("exit", restore);
    stdin.setRawMode(true);
    stdin.on("data", onData);
    return () => {
      stdin.off("data", onData);
      stdin.pause();
      restore();
      process.off("exit", restore);
    };
  },
};

/** 80x24 where the terminal has no size, as on a serial line. */
const systemScreen: Screen = {
  columns: () => process.stdout.columns || 80,
  rows: () => process.stdout.rows || 24,
};

/**
 * Columns for texts of sentences: as many as the screen has, from 40 to 100, since longer lines are hard to read; 80
 * where there is no screen.
 */
export function textColumns({ screen }: Pick<Terminal, "screen">): number {
  return Math.max(40, Math.min(screen?.columns() ?? 80, 100));
}

/** A write to a terminal that was closed fails with EIO: the reader is gone, as of a closed pipe. */
function write(fd: number, text: string): boolean {
  try {
    return writeAllSync(fd, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EIO") return false;
    throw error;
  }
}

/** Numbers of the signals that end a command: signal(7). */
const endingSignals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Signals that follow the first one within this time, ms, are the same one: Ctrl-C comes from the terminal to all its
 * processes, and npx and `bun run` forward it as well.
 */
const sameSignalMs = 1000;

/**
 * Aborts on the first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed), so that the command can end in order. One
 * that comes more than a second later ends the process at once, after `onSecond`. Under nohup, SIGHUP stays ignored.
 */
export function interruptSignal(onSecond?: () => void): AbortSignal {
  const interrupt = new AbortController();
  let firstAt = 0;
  for (const [name, number] of Object.entries(endingSignals)) {
    if (name === "SIGHUP" && ignoresSignal(number)) continue;
    process.on(name, () => {
      if (!interrupt.signal.aborted) {
        firstAt = performance.now();
        interrupt.abort();
      } else if (performance.now() - firstAt > sameSignalMs) {
        onSecond?.();
        process.exit(128 + number);
      }
    });
  }
  return interrupt.signal;
}

/** True if texts for people may have colours: on a screen, unless NO_COLOR (https://no-color.org) is set. */
export function hasColour({ screen }: Terminal): boolean {
  return screen !== undefined && !systemSources([]).env["NO_COLOR"];
}
