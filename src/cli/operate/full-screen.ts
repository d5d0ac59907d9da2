import type { Screen, Terminal } from "../terminal.ts";
import { cutEnd } from "../tools/table.ts";

/** xterm's alternate screen and cursor, as every terminal of today has them (DECSET 1049, 25). */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** A screen of its own, drawn over in place; what was on the terminal before comes back with `leave`. */
export class FullScreen {
  readonly #terminal: Terminal;
  readonly #screen: Screen;

  constructor(terminal: Terminal, screen: Screen) {
    this.#terminal = terminal;
    this.#screen = screen;
    terminal.out(ENTER);
  }

  /** Draws these lines, as many as there is room for; the last line of the screen is `footer`. */
  draw(lines: readonly string[], footer: string): void {
    const room = Math.max(1, this.#screen.rows() - 1);
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), "…"];
    const text = [...shown, ...Array<string>(room - shown.length).fill("")]
      .map((line) => `${line}${CLEAR_LINE}\r\n`)
      .join("");
    this.#terminal.out(`${HOME}${text}${cutEnd(footer, this.#screen.columns())}${CLEAR_BELOW}`);
  }

  leave(): void {
    this.#terminal.out(LEAVE);
  }
}
