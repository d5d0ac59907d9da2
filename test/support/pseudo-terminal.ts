import { eventually } from "./eventually.ts";

/** A program in a pseudo-terminal. */
export interface InTerminal {
  readonly pid: number;
  readonly exited: Promise<number>;
  /** All that it has written so far. */
  readonly output: () => string;
  /** Waits until the output has the text. */
  says(text: string, timeoutMs?: number): Promise<void>;
  /** Types keys: `\x03` is Ctrl-C. */
  type(keys: string): void;
  /** Sets the size, in characters; the program gets a SIGWINCH. */
  resize(columns: number, rows: number): void;
  kill(signal: NodeJS.Signals): void;
  /** Closes the terminal, as a closed window does: the program gets a SIGHUP. */
  close(): void;
  /** The terminal echoes what is typed, and waits for whole lines: not in raw mode. */
  readonly cooked: () => boolean;
}

/** ICANON and ECHO of a terminal's local flags: termios(3). */
const cookedFlags = 0o2 | 0o10;

/** Starts a program in a pseudo-terminal of its own. */
export function inTerminal(
  cmd: readonly string[],
  env: Record<string, string> = {},
  { columns = 80, rows = 24 } = {},
): InTerminal {
  let text = "";
  const decoder = new TextDecoder();
  // Given as options, it becomes the program's controlling terminal, from which Ctrl-C and SIGHUP come.
  const child = Bun.spawn([...cmd], {
    env: { TERM: "xterm", ...env },
    cwd: "/",
    terminal: {
      cols: columns,
      rows,
      data: (_, chunk) => {
        text += decoder.decode(chunk, { stream: true });
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("Bun has started the program without a terminal.");
  return {
    pid: child.pid,
    exited: child.exited,
    output: () => text,
    says: (what, timeoutMs) =>
      eventually(() => text.includes(what), `"${what}" in the terminal`, timeoutMs),
    type: (keys) => void terminal.write(keys),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    kill: (signal) => child.kill(signal),
    close: () => terminal.close(),
    cooked: () => (terminal.localFlags & cookedFlags) === cookedFlags,
  };
}
