import { describe, expect, test } from "bun:test";
import type { Clock } from "./clock.ts";
import { pollUntil } from "./poll-until.ts";

const patience = { pauseMs: 20, patienceMs: 60 };

/** A clock of a machine on which a pause takes `factor` times as long as it should. */
function clockOf(factor: number): Clock & { sleeps: number } {
  let ms = 0;
  const clock = {
    sleeps: 0,
    now: () => ms,
    sleep: async (pauseMs: number) => {
      clock.sleeps++;
      ms += pauseMs * factor;
    },
  };
  return clock;
}

/** Comes at the look of that number, the first being 1. */
const comingAt = (look: number) => {
  let looks = 0;
  return () => ++looks >= look;
};

describe("awaiting something", () => {
  test("what is there needs no pause", async () => {
    const clock = clockOf(1);
    expect(await pollUntil(() => true, clock, patience)).toBe(true);
    expect(clock.sleeps).toBe(0);
  });

  test("what comes with the last look has come", async () => {
    expect(await pollUntil(comingAt(4), clockOf(1), patience)).toBe(true);
  });

  test("what does not come is given up", async () => {
    const clock = clockOf(1);
    expect(await pollUntil(comingAt(5), clock, patience)).toBe(false);
    expect(clock.now()).toBe(60);
  });

  test("a machine that stood still looks as often", async () => {
    expect(await pollUntil(comingAt(4), clockOf(100), patience)).toBe(true);
  });
});
