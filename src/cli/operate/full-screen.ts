import type { Screen, Terminal } from "../terminal.ts";
import { cutEnd } from "../tools/table.ts";

/** xterm's alternate screen and cursor (DECSET 1049, 25), which every present terminal has. */
const enter = "\x1b[?1049h\x1b[?25l";
/** Restores what was on the terminal before. */
export const leaveScreen = "\x1b[?25h\x1b[?1049l";
const home = "\x1b[H";
const clearLine = "\x1b[K";
const clearBelow = "\x1b[J";

/** A screen of its own, redrawn in place; `leave` restores what was on the terminal before. */
export class FullScreen {
  readonly #terminal: Terminal;
  readonly #screen: Screen;

  constructor(terminal: Terminal, screen: Screen) {
    this.#terminal = terminal;
    this.#screen = screen;
    terminal.out(enter);
  }

  /** Draws as many lines as fit, and `footer` as the last line of the screen. */
  draw(lines: readonly string[], footer: string): void {
    const room = Math.max(1, this.#screen.rows() - 1);
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), "…"];
    const text = [...shown, ...Array<string>(room - shown.length).fill("")]
      .map((line) => `${line}${clearLine}\r\n`)
      .join("");
    this.#terminal.out(`${home}${text}${cutEnd(footer, this.#screen.columns())}${clearBelow}`);
  }

  leave(): void {
    this.#terminal.out(leaveScreen);
  }
}
