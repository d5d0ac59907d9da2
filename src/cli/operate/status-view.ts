import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { formatAge } from "./age.ts";

/** How a status is to be shown. */
export interface StatusView {
  /** Milliseconds since the epoch: what ages are counted to. */
  readonly now: number;
  /** Columns of the screen, at least 40; lines are cut to fit. Infinity keeps them whole. */
  readonly width: number;
  readonly colour: boolean;
  /** How many of the last events are shown. */
  readonly events: number;
}

/** ECMA-48 SGR. */
const SGR = { bold: 1, red: 31, green: 32, yellow: 33, dim: 90 } as const;
export type Colour = keyof typeof SGR;

/** The text in a colour, if there are colours. */
export function paint(
  text: string,
  colour: Colour | undefined,
  view: { readonly colour: boolean },
) {
  return view.colour && colour !== undefined ? `\x1b[${SGR[colour]}m${text}\x1b[0m` : text;
}

/** Time since `since`; empty if that isn't known. */
export function ageOf(since: Timestamp | undefined, { now }: Pick<StatusView, "now">): string {
  return since === undefined ? "" : formatAge(now - timestampMs(since));
}
