import { expect, test } from "bun:test";
import { aborted } from "./aborted.ts";

test("an abort is waited for, and one that was is not", async () => {
  const stop = new AbortController();
  let seen = false;
  const waiting = aborted(stop.signal).then(() => {
    seen = true;
  });
  await Bun.sleep(1);
  expect(seen).toBe(false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
