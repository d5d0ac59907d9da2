import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { query } from "../stories/cameras.ts";
import type { Scenario } from "./scenario.ts";
import { LABEL, type Stage } from "./stage.ts";

const KILLS = 10;

/**
 * When to kill, as parts of the time a process of Bun takes from its start to its end if there is nothing
 * to do: that it works before that, and resets go on after it.
 */
const WHEN = { ensure: [0.5, 1.2], resets: [0.95, 1.5] } as const;

/** Kills another process in the middle of its work, at several moments; what is left must be made good. */
async function killAndRecover(stage: Stage, work: "ensure" | "resets"): Promise<string> {
  if (work === "resets") equal((await stage.driver().ensure()).failed.length, 0);
  const full = performance.now();
  await stage.spawn("ensure").exited;
  const start = performance.now() - full;
  let unfinished = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    if (work === "ensure") stage.clear();
    const child = stage.spawn(work);
    const [from, to] = WHEN[work];
    await Bun.sleep(start * (from + ((to - from) * kill) / KILLS));
    child.kill("SIGKILL");
    await child.exited;
    const driver = stage.driver();
    const states = (await driver.inspect()).map(({ state }) => state);
    if (states.some((state) => state !== "ok")) unfinished++;
    equal((await driver.ensure()).failed.length, 0);
    await driver.reset("video11");
    deepEqual(
      (await driver.inspect()).map(({ state }) => state),
      ["ok", "ok", "ok"],
    );
    const devices = query().map(({ device, open, card }) => [device, open, card]);
    deepEqual(
      devices,
      [10, 11, 12].map((number) => [`/dev/video${number}`, "0", LABEL]),
    );
    const limit = readFileSync("/sys/class/video4linux/video11/max_openers", "utf8").trim();
    equal(limit, "10");
  }
  return `${unfinished} of ${KILLS} unfinished`;
}

export const kills: readonly Scenario[] = [
  {
    name: "killed in the middle of creation, the next ensure makes all right",
    run: (stage) => killAndRecover(stage, "ensure"),
  },
  {
    name: "killed in the middle of a reset, the next ensure makes all right",
    run: (stage) => killAndRecover(stage, "resets"),
  },
  {
    name: "devices that a killed run fenced are opened to all again",
    async run(stage) {
      const driver = stage.driver();
      await driver.ensure();
      await Bun.write("/sys/class/video4linux/video10/max_openers", "0");
      equal(query(["video10"])[0]?.open, "EBUSY");
      equal((await stage.driver().inspect())[0]?.state, "faulty");
      equal((await stage.driver().ensure()).failed.length, 0);
      equal(query(["video10"])[0]?.open, "0");
      return undefined;
    },
  },
];
