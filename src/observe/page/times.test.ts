import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TimestampSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ageElement, clockTime, msOf } from "./times.ts";

describe("times on the page", () => {
  test("have their exact start as attributes", () => {
    const since = timestampFromMs(Date.UTC(2026, 10, 23, 14, 3, 22));
    expect(String(ageElement(since, Date.UTC(2026, 10, 23, 14, 8)))).toBe(
      '<time datetime="2026-11-23T14:03:22.000Z" title="since 2026-11-23T14:03:22.000Z">4m38s</time>',
    );
  });

  test("have a date if it is not today", () => {
    const time = timestampFromMs(Date.UTC(2026, 10, 22, 23, 59, 59));
    const shownAt = (now: number) => String(clockTime(time, now)).replace(/<[^>]*>/g, "");
    expect(shownAt(Date.UTC(2026, 10, 22, 23, 59, 59))).toBe("23:59:59");
    expect(shownAt(Date.UTC(2026, 10, 23))).toBe("22 Nov 23:59");
  });

  test("are nothing if unset or beyond all dates", () => {
    expect(ageElement(undefined, 0)).toBeUndefined();
    expect(msOf(create(TimestampSchema, { seconds: 10n ** 15n }))).toBeUndefined();
  });
});
