import type { Clock } from "../../common/clock.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { statusJsonLine } from "../../observe/status-json.ts";
import type { Screen, Terminal } from "../terminal.ts";
import type { Seen } from "./follow-status.ts";
import { FullScreen } from "./full-screen.ts";
import type { StatusView } from "./render-device-table.ts";
import { renderStatus } from "./render-status.ts";

/** Milliseconds between two redraws, since ages grow. */
const redrawMs = 1000;

/** Prints each status below the last one, for pipes and files. Ends when the reader has closed the pipe. */
export async function printStatuses(
  seen: AsyncIterable<Seen>,
  terminal: Terminal,
  { json, now, events }: { json: boolean; now: () => number; events: number },
): Promise<void> {
  const view = { width: Number.POSITIVE_INFINITY, colour: false, events };
  let first = true;
  for await (const one of seen) {
    if ("lost" in one) {
      terminal.err(`${waiting(one.lost)}\n`);
      continue;
    }
    const text = json
      ? statusJsonLine(one.status)
      : `${first ? "" : "\n"}${renderStatus(one.status, { ...view, now: now() }).join("\n")}\n`;
    first = false;
    if (terminal.out(text) === false) return;
  }
}

/**
 * Draws the last status in place, and again each second, until `signal` aborts. Devices with trouble come first, and
 * what a short screen has no room for is counted. Then restores the terminal and prints the last status, whole, below its
 * old content.
 */
export async function drawStatuses(
  seen: AsyncIterable<Seen>,
  terminal: Terminal,
  screen: Screen,
  { clock, now, signal, colour, events }: DrawOptions,
): Promise<void> {
  let last: Seen | undefined;
  let status: Status | undefined;
  let full: FullScreen | undefined;
  const view = (): StatusView => ({ now: now(), width: screen.columns(), colour, events });
  const footer = terminal.keyboard === undefined ? "Ctrl-C ends this." : "q ends this.";
  let lines: readonly string[] = [];
  const draw = () => {
    if (last === undefined) return;
    full ??= new FullScreen(terminal, screen);
    if ("status" in last) lines = renderStatus(last.status, { ...view(), rows: screen.rows() - 1 });
    full.draw(lines, "lost" in last ? waiting(last.lost) : footer);
  };
  const ended = new AbortController();
  const redraw = async () => {
    const either = AbortSignal.any([ended.signal, signal]);
    while (!either.aborted) {
      await clock.sleep(redrawMs, either);
      if (!either.aborted) draw();
    }
  };
  const redrawing = redraw();
  try {
    for await (const one of seen) {
      last = one;
      if ("status" in one) status = one.status;
      draw();
    }
  } finally {
    ended.abort();
    await redrawing;
    full?.leave();
    if (status !== undefined) terminal.out(`${renderStatus(status, view()).join("\n")}\n`);
  }
}

/** The reason comes last: a screen may be too narrow for it. */
function waiting({ message }: PluginError): string {
  return `Waiting for the plugin. ${message}`;
}

export interface DrawOptions {
  readonly clock: Clock;
  /** ms since the epoch by the wall clock. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly colour: boolean;
  readonly events: number;
}
