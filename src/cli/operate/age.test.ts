import { expect, test } from "bun:test";
import { formatAge } from "./age.ts";

test.each([
  [-5, "0s"],
  [999, "0s"],
  [45_999, "45s"],
  [60_000, "1m"],
  [192_000, "3m12s"],
  [3_600_000, "1h"],
  [3_605_000, "1h"],
  [7_500_000, "2h5m"],
  [86_400_000, "1d"],
  [100 * 86_400_000 + 3 * 3_600_000, "100d3h"],
])("%d ms are %s", (ms, text) => expect(formatAge(ms)).toBe(text));
