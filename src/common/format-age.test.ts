import { expect, test } from "bun:test";
import { formatAge } from "./format-age.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [-5, "0s"],
  [-5 * second, "0s"],
  [999, "0s"],
  [45_999, "45s"],
  [59.9 * second, "59s"],
  [minute, "1m"],
  [192 * second, "3m12s"],
  [59 * minute + 59 * second, "59m59s"],
  [hour, "1h"],
  [3_605_000, "1h"],
  [2 * hour + 5 * minute, "2h5m"],
  [11 * hour + 5 * minute, "11h5m"],
  [day, "1d"],
  [47 * hour, "1d23h"],
  [48 * hour, "2d"],
  [100 * day + 3 * hour, "100d3h"],
  [400 * day, "400d"],
])("%d ms are %s", (ms, text) => expect(formatAge(ms)).toBe(text));
