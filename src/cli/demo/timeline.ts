import { wrap } from "../../config/wrap.ts";
import type { Terminal } from "../terminal.ts";
import { type Colour, paint } from "../tools/table.ts";

/** A cell of the device table. */
export interface Cell {
  readonly text: string;
  readonly colour: Colour;
}

/** Columns before a text: the time since the start, and a mark. */
const indent = " ".repeat("99.99 s ✓ ".length);
/** Longest line, in columns. */
const maxColumns = 100;
/** Columns for eight cells of `unhealthy` with two spaces between; the tables of one screen all have the same gap. */
const roomyColumns = indent.length + 8 * "unhealthy".length + 7 * 2;

/** Prints events as lines with the time since the start, none longer than the screen is wide. */
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
    const lines = wrap(text, this.#columns).map((line) => `${this.#paint("bold", line)}\n`);
    this.#terminal.out(`\n${lines.join("")}`);
  }

  /** The heading of an act. */
  act(text: string): void {
    this.#terminal.out("\n");
    this.#event(this.#paint("cyan", "▸"), text, "bold");
  }

  /** A step that happened; `ms` is its duration, if it was measured. */
  done(text: string, ms?: number): void {
    this.#event(this.#paint("green", "✓"), text, undefined, ms === undefined ? "" : formatMs(ms));
  }

  failed(text: string): void {
    this.#event(this.#paint("red", "✗"), text);
  }

  /** Lines as they are. */
  note(text: string): void {
    for (const line of text.split("\n")) {
      this.#terminal.out(line === "" ? "\n" : `${indent}${this.#paint("gray", line)}\n`);
    }
  }

  /** One row of cells under a row of headings. */
  table(heads: readonly string[], cells: readonly Cell[]): void {
    const widths = heads.map((head, at) => Math.max(head.length, cells[at]?.text.length ?? 0));
    const gap = this.#columns < roomyColumns ? " " : "  ";
    const row = (texts: readonly Cell[]) => {
      const padded = texts.map(({ text, colour }, at) => {
        const isLast = at === texts.length - 1;
        return this.#paint(colour, isLast ? text : text.padEnd(widths[at] ?? 0));
      });
      this.#terminal.out(`${indent}${padded.join(gap)}\n`);
    };
    row(heads.map((text) => ({ text, colour: "gray" })));
    row(cells);
  }

  get #columns(): number {
    return Math.min(this.#terminal.screen?.columns() ?? 80, maxColumns);
  }

  #event(mark: string, text: string, colour?: Colour, took = ""): void {
    const room = this.#columns - indent.length;
    const lines = wrap(text, room);
    const fits = (lines.at(-1) ?? "").length + 2 + took.length <= room;
    const painted = lines.map((line) => (colour ? this.#paint(colour, line) : line));
    const time = took === "" ? "" : `${fits ? "  " : `\n${indent}`}${this.#paint("gray", took)}`;
    const seconds = this.#paint("gray", `${this.seconds.toFixed(2).padStart(5)} s`);
    this.#terminal.out(`${seconds} ${mark} ${painted.join(`\n${indent}`)}${time}\n`);
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
