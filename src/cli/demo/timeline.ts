import type { Terminal } from "../terminal.ts";

const codes = { dim: 90, red: 31, green: 32, yellow: 33, cyan: 36, bold: 1 } as const;
export type Colour = keyof typeof codes;

/** A cell of the device table. */
export interface Cell {
  readonly text: string;
  readonly colour: Colour;
}

/** Prints what happens as lines with the time since the start, in colour where that is wanted. */
export class Timeline {
  readonly #terminal: Terminal;
  readonly #colour: boolean;
  readonly #started = performance.now();

  constructor(terminal: Terminal, colour: boolean) {
    this.#terminal = terminal;
    this.#colour = colour;
  }

  /** Seconds since the timeline began. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  title(text: string): void {
    this.#terminal.out(`\n${this.#paint("bold", text)}\n`);
  }

  /** A new act: what is about to be shown. */
  act(text: string): void {
    this.#terminal.out(
      `\n${this.#stamp()}${this.#paint("cyan", "▸")} ${this.#paint("bold", text)}\n`,
    );
  }

  /** Something happened as it should; `ms` is what it took, if that was measured. */
  done(text: string, ms?: number): void {
    const took = ms === undefined ? "" : this.#paint("dim", `  ${formatMs(ms)}`);
    this.#terminal.out(`${this.#stamp()}${this.#paint("green", "✓")} ${text}${took}\n`);
  }

  failed(text: string): void {
    this.#terminal.out(`${this.#stamp()}${this.#paint("red", "✗")} ${text}\n`);
  }

  note(text: string): void {
    for (const line of text.split("\n")) {
      this.#terminal.out(`${" ".repeat(13)}${this.#paint("dim", line)}\n`);
    }
  }

  /** One row of cells under a row of heads. */
  table(heads: readonly string[], cells: readonly Cell[]): void {
    const width = Math.max(
      ...heads.map((head) => head.length),
      ...cells.map(({ text }) => text.length),
    );
    const indent = " ".repeat(13);
    const head = heads.map((text) => text.padEnd(width)).join("  ");
    const row = cells.map(({ text, colour }) => this.#paint(colour, text.padEnd(width))).join("  ");
    this.#terminal.out(`${indent}${this.#paint("dim", head)}\n${indent}${row}\n`);
  }

  #stamp(): string {
    return this.#paint("dim", `${this.seconds.toFixed(2).padStart(8)} s  `);
  }

  #paint(colour: Colour, text: string): string {
    return this.#colour ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
  }
}

/** `3.4 ms`, `120 ms`, `1.25 s`. */
function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}
