import { describe, expect, test } from "bun:test";
import type { Clock } from "./clock.ts";
import { pollUntil } from "./poll-until.ts";

const patience = { pauseMs: 20, patienceMs: 60 };

/** The clock of a machine where pauses take `factor` times their length. */
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

/** Returns true from this call on, counted from 1. */
const trueAt = (call: number) => {
  let calls = 0;
  return () => ++calls >= call;
};

describe("pollUntil", () => {
  test("needs no pause if the first call returns true", async () => {
    const clock = clockOf(1);
    expect(await pollUntil(() => true, clock, patience)).toBe(true);
    expect(clock.sleeps).toBe(0);
  });

  test("returns true if the last call does", async () => {
    expect(await pollUntil(trueAt(4), clockOf(1), patience)).toBe(true);
  });

  test("gives up after the last call", async () => {
    const clock = clockOf(1);
    expect(await pollUntil(trueAt(5), clock, patience)).toBe(false);
    expect(clock.now()).toBe(60);
  });

  test("calls as often on a machine that stood still", async () => {
    expect(await pollUntil(trueAt(4), clockOf(100), patience)).toBe(true);
  });
});
