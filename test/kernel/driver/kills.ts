import { deepEqual, equal } from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { systemClock } from "../../../src/common/clock.ts";
import { Claimant } from "../../support/claimant.ts";
import { query } from "../stories/cameras.ts";
import type { Scenario } from "./scenario.ts";
import { LABEL, type Stage } from "./stage.ts";
import { assertAsNew, ID, misuse } from "./tenant.ts";

const IDS = ["video10", "video11", "video12"];

/** How many there are at least, and at most if none of them came in the middle of something. */
const KILLS = { least: 10, most: 60 } as const;

/**
 * When to kill, as parts of the time a process of Bun takes from its start to its end if there is nothing
 * to do: that it works before that, and resets go on after it.
 */
const WHEN = { ensure: [0.5, 1.2], resets: [0.95, 1.5] } as const;

/** The golden ratio: multiples of it, without their whole parts, are spread evenly however many there are. */
const GOLDEN = 0.618034;

const isThere = (id: string) => existsSync(`/sys/class/video4linux/${id}`);

/**
 * Kills another process in the middle of its work, at several moments; the next one must complete what is left, and
 * allocate the device to a pod.
 */
async function killAndRecover(stage: Stage, work: "ensure" | "resets"): Promise<string> {
  if (work === "resets") equal((await stage.driver().ensure()).failed.length, 0);
  const full = performance.now();
  await stage.spawn("ensure").exited;
  const start = performance.now() - full;
  let kills = 0;
  let unfinished = 0;
  while (kills < KILLS.least || (unfinished === 0 && kills < KILLS.most)) {
    kills++;
    if (work === "ensure") stage.clear();
    const child = stage.spawn(work);
    const [from, to] = WHEN[work];
    await Bun.sleep(start * (from + (to - from) * ((kills * GOLDEN) % 1)));
    child.kill("SIGKILL");
    await child.exited;
    const driver = stage.driver();
    const seen = await driver.inspect();
    if (seen.some(({ state, accessLost }) => state !== "ok" || accessLost)) unfinished++;
    const lost = IDS.filter((id) => !isThere(id));
    const plugin = new Claimant(driver, systemClock);
    const report = await plugin.ensure();
    deepEqual([report.created, report.failed], [lost, []]);
    await plugin.claim(ID);
    deepEqual(
      (await driver.inspect()).map(({ reason }) => reason),
      ["ok", "ok", "ok"],
    );
    const devices = query().map(({ device, open, card }) => [device, open, card]);
    deepEqual(
      devices,
      IDS.map((id) => [`/dev/${id}`, "0", LABEL]),
    );
    const limit = readFileSync(`/sys/class/video4linux/${ID}/max_openers`, "utf8").trim();
    equal(limit, "10");
  }
  equal(unfinished > 0, true, `none of ${kills} kills came in the middle of something`);
  return `${unfinished} of ${kills} unfinished`;
}

export const kills: readonly Scenario[] = [
  {
    name: "killed in the middle of creation, the next ensure completes it",
    run: (stage) => killAndRecover(stage, "ensure"),
  },
  {
    name: "killed in the middle of a reset, the next ensure completes it",
    run: (stage) => killAndRecover(stage, "resets"),
  },
  {
    name: "a device that a killed run left locked is unlocked, and clean for the next pod",
    async run(stage) {
      await stage.driver().ensure();
      misuse(stage);
      await Bun.write(`/sys/class/video4linux/${ID}/max_openers`, "0");
      equal(query([ID])[0]?.open, "EBUSY");
      const driver = stage.driver();
      equal((await driver.inspect())[1]?.reason, "faulty");
      const plugin = new Claimant(driver, systemClock);
      deepEqual(await plugin.ensure(), { created: [], adopted: IDS, failed: [] });
      await plugin.claim(ID);
      assertAsNew(stage);
      return undefined;
    },
  },
  {
    name: "a device whose node was deleted while no plugin ran is clean for the next pod",
    async run(stage) {
      await stage.driver().ensure();
      misuse(stage);
      rmSync(`/dev/${ID}`);
      const plugin = new Claimant(stage.driver(), systemClock);
      deepEqual(await plugin.ensure(), { created: [], adopted: IDS, failed: [] });
      await plugin.claim(ID);
      assertAsNew(stage);
      return undefined;
    },
  },
];
