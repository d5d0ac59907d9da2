import { expect, test } from "bun:test";
import { WallClock } from "./wall-clock.ts";

const hour = 3_600_000;

test("a time is converted by the wall clock of today, whatever it was then", () => {
  let wall = 10_000;
  const clock = new WallClock({ now: () => 10_000 }, () => wall);
  expect([clock.at(4000), clock.now()]).toEqual([4000, 10_000]);
  wall += hour;
  expect([clock.at(4000), clock.now()]).toEqual([hour + 4000, hour + 10_000]);
  wall -= 2 * hour;
  expect([clock.at(4000), clock.now()]).toEqual([4000 - hour, 10_000 - hour]);
});

test("the rounding of the clocks changes no time", () => {
  const walls = [10_001, 9999, 10_002];
  const clock = new WallClock({ now: () => 10_000 }, () => walls.shift() ?? 10_000);
  expect([clock.at(4000), clock.at(4000), clock.at(4000)]).toEqual([4000, 4000, 4000]);
});
