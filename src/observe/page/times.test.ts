import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TimestampSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { clockTime, lasting, msOf, span } from "./times.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

describe("times on the page", () => {
  test("are as long as their two biggest units tell, at most", () => {
    const spans = [
      [-5 * second, "0 s"],
      [59.9 * second, "59 s"],
      [minute, "1 min"],
      [59 * minute + 59 * second, "59 min"],
      [hour, "1 h"],
      [2 * hour + 5 * minute, "2 h 5 min"],
      [11 * hour + 5 * minute, "11 h"],
      [47 * hour, "47 h"],
      [48 * hour, "2 d"],
      [400 * 24 * hour, "400 d"],
    ] as const;
    for (const [ms, expected] of spans) expect(span(ms)).toBe(expected);
  });

  test("say exactly since when", () => {
    const since = timestampFromMs(Date.UTC(2026, 10, 23, 14, 3, 22));
    expect(String(lasting(since, Date.UTC(2026, 10, 23, 14, 8)))).toBe(
      '<time datetime="2026-11-23T14:03:22.000Z" title="since 2026-11-23T14:03:22.000Z">4 min</time>',
    );
  });

  test("have a date if it isn't today's", () => {
    const time = timestampFromMs(Date.UTC(2026, 10, 22, 23, 59, 59));
    const shownAt = (now: number) => String(clockTime(time, now)).replace(/<[^>]*>/g, "");
    expect(shownAt(Date.UTC(2026, 10, 22, 23, 59, 59))).toBe("23:59:59");
    expect(shownAt(Date.UTC(2026, 10, 23))).toBe("22 Nov 23:59");
  });

  test("are nothing if unset or beyond all dates", () => {
    expect(lasting(undefined, 0)).toBeUndefined();
    expect(msOf(create(TimestampSchema, { seconds: 10n ** 15n }))).toBeUndefined();
  });
});
