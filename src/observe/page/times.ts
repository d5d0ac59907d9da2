import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { formatAge } from "../../common/format-age.ts";
import { type Html, html } from "./html.ts";

/** Milliseconds since the epoch; undefined if unset or beyond what a Date can hold. */
export function msOf(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
  return Number.isNaN(new Date(ms).getTime()) ? undefined : ms;
}

/** The time since `since`, as an element with the exact start. */
export function ageElement(since: Timestamp | undefined, now: number): Html | undefined {
  const ms = msOf(since);
  if (ms === undefined) return undefined;
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}" title="since ${iso}">${formatAge(now - ms)}</time>`;
}

/** The time of day in UTC; with the date and to the minute if it is not today. */
export function clockTime(time: Timestamp | undefined, now: number): Html | undefined {
  const ms = msOf(time);
  if (ms === undefined) return undefined;
  const date = new Date(ms);
  const iso = date.toISOString();
  const today = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  // "Sun, 22 Nov 2026 …" by ECMA-262, without Intl, which is megabytes.
  const dayAndMonth = date.toUTCString().slice(5, 11);
  const shown = today ? iso.slice(11, 19) : `${dayAndMonth} ${iso.slice(11, 16)}`;
  return html`<time datetime="${iso}" title="${iso}">${shown}</time>`;
}
