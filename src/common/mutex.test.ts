import { expect, test } from "bun:test";
import { Mutex } from "./mutex.ts";

test("work runs one at a time and in order, even after a failure", async () => {
  const mutex = new Mutex();
  const seen: string[] = [];
  const work = (name: string, fail = false) =>
    mutex.run(async () => {
      seen.push(`${name} starts`);
      await Bun.sleep(1);
      seen.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
});
