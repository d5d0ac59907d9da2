import type { Terminal } from "../terminal.ts";
import { type Colour, paint } from "../tools/table.ts";

/** A cell of the device table. */
export interface Cell {
  readonly text: string;
  readonly colour: Colour;
}

/** Prints events as lines with the time since the start. */
export class Timeline {
  readonly #terminal: Terminal;
  readonly #colour: boolean;
  readonly #started = performance.now();

  constructor(terminal: Terminal, colour: boolean) {
    this.#terminal = terminal;
    this.#colour = colour;
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  title(text: string): void {
    this.#terminal.out(`\n${this.#paint("bold", text)}\n`);
  }

  /** The heading of an act. */
  act(text: string): void {
    this.#terminal.out(
      `\n${this.#stamp()}${this.#paint("cyan", "▸")} ${this.#paint("bold", text)}\n`,
    );
  }

  /** A step that happened; `ms` is its duration, if it was measured. */
  done(text: string, ms?: number): void {
    const took = ms === undefined ? "" : this.#paint("gray", `  ${formatMs(ms)}`);
    this.#terminal.out(`${this.#stamp()}${this.#paint("green", "✓")} ${text}${took}\n`);
  }

  failed(text: string): void {
    this.#terminal.out(`${this.#stamp()}${this.#paint("red", "✗")} ${text}\n`);
  }

  note(text: string): void {
    for (const line of text.split("\n")) {
      this.#terminal.out(`${" ".repeat(13)}${this.#paint("gray", line)}\n`);
    }
  }

  /** One row of cells under a row of headings. */
  table(heads: readonly string[], cells: readonly Cell[]): void {
    const width = Math.max(
      ...heads.map((head) => head.length),
      ...cells.map(({ text }) => text.length),
    );
    const indent = " ".repeat(13);
    const head = heads.map((text) => text.padEnd(width)).join("  ");
    const row = cells.map(({ text, colour }) => this.#paint(colour, text.padEnd(width))).join("  ");
    this.#terminal.out(`${indent}${this.#paint("gray", head)}\n${indent}${row}\n`);
  }

  #stamp(): string {
    return this.#paint("gray", `${this.seconds.toFixed(2).padStart(8)} s  `);
  }

  #paint(colour: Colour, text: string): string {
    return paint(text, colour, { colour: this.#colour });
  }
}

/** `3.4 ms`, `120 ms`, `1.25 s`. */
function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}
