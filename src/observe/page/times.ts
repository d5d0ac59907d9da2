import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Html, html } from "./html.ts";

/** Milliseconds since the epoch; undefined if it is not a time that a Date can hold. */
export function msOf(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
  return Number.isNaN(new Date(ms).getTime()) ? undefined : ms;
}

/** "40 s", "3 min", "2 h 5 min", "12 d": how long ago, in as few words as tell. What lies ahead was just now. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60 !== 0) return `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

/** How long something has lasted, as an element that knows since when exactly. */
export function lasting(since: Timestamp | undefined, now: number): Html | undefined {
  const ms = msOf(since);
  if (ms === undefined) return undefined;
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}" title="since ${iso}">${span(now - ms)}</time>`;
}

/** The time of day in UTC; to the minute and with the date if it isn't today's. */
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
