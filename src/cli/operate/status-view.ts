import { styleText } from "node:util";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { formatAge } from "../../common/format-age.ts";

/** How to show a status. */
export interface StatusView {
  /** ms since the epoch, for ages. */
  readonly now: number;
  /** Columns of the screen, at least 40; longer lines are cut. Infinity keeps them whole. */
  readonly width: number;
  readonly colour: boolean;
  /** Number of last events to show. */
  readonly events: number;
}

export type Colour = "bold" | "red" | "green" | "yellow" | "gray";

/** The text in a colour, if the view has colours. */
export function paint(
  text: string,
  colour: Colour | undefined,
  view: { readonly colour: boolean },
) {
  if (!view.colour || colour === undefined) return text;
  return styleText(colour, text, { validateStream: false });
}

/** Time since `since`; empty if unset. */
export function ageOf(since: Timestamp | undefined, { now }: Pick<StatusView, "now">): string {
  return since === undefined ? "" : formatAge(now - timestampMs(since));
}
