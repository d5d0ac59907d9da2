import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { existsSync, rmSync, statSync } from "node:fs";
import type { EnsureReport } from "../../../src/drivers/driver.ts";
import { identity } from "../stories/cameras.ts";
import {
  busybox,
  DIR,
  EMPTY,
  EMPTY_READ_ONLY,
  HOST_DEV_READ_ONLY,
  withMount,
  withoutDevices,
} from "./device-directory.ts";
import type { Scenario } from "./scenario.ts";
import { codesOf, MODE, type Stage } from "./stage.ts";

const IDS = ["video10", "video11", "video12"];

const messages = ({ failed }: EnsureReport) => failed.map(({ error }) => error.message).join("\n");

/** Puts a node of another device in the place of this one's. */
function replaceNode(id: string, other: string): void {
  const minor = statSync(`/dev/${other}`).rdev & 0xff;
  rmSync(`/dev/${id}`);
  busybox("mknod", `/dev/${id}`, "c", "81", String(minor));
}

async function made(stage: Stage) {
  const driver = stage.driver();
  equal((await driver.ensure()).failed.length, 0);
  return driver;
}

/** Device directories and nodes that are not what they should be. */
export const nodes: readonly Scenario[] = [
  {
    name: "in a read-only /dev devices are created, and an error says that their mode can't be set",
    run: async (stage) => {
      await withMount(HOST_DEV_READ_ONLY, async () => {
        const driver = stage.driver({ deviceDir: DIR });
        const report = await driver.ensure();
        deepEqual(
          codesOf(report),
          IDS.map((id) => [id, "node_access_failed"]),
        );
        match(messages(report), /EROFS/);
        const asTheyAre = stage.driver({ deviceDir: DIR, mode: 0o600, group: undefined });
        deepEqual((await asTheyAre.ensure()).failed, []);
        deepEqual(
          (await asTheyAre.inspect()).map(({ reason }) => reason),
          ["ok", "ok", "ok"],
        );
      });
      return undefined;
    },
  },
  {
    name: "in a read-only directory without nodes each device is missing, with the reason",
    run: async (stage) => {
      await withMount(EMPTY_READ_ONLY, async () => {
        const driver = stage.driver({ deviceDir: DIR });
        const report = await driver.ensure();
        deepEqual(
          codesOf(report),
          IDS.map((id) => [id, "node_not_changed"]),
        );
        match(messages(report), /EROFS/);
        for (const { reason, detail } of await driver.inspect()) {
          equal(reason, "missing");
          match(detail, /there is no \/run\/their-dev\/video1/);
        }
      });
      // Nothing is half made: with a directory to be written to the same devices are right at once.
      const driver = stage.driver();
      deepEqual((await driver.ensure()).failed, []);
      return undefined;
    },
  },
  {
    name: "in a directory of its own, without any node, nodes are created, the control device's too",
    async run(stage) {
      await withMount(EMPTY, async () => {
        const driver = stage.driver({ deviceDir: DIR });
        deepEqual((await driver.ensure()).created, IDS);
        equal(existsSync(`${DIR}/v4l2loopback`), stage.isDynamic);
        const inSysfs = () => statSync("/sys/class/video4linux/video11").ino;
        const before = inSysfs();
        await driver.reset("video11");
        equal(inSysfs() !== before, stage.isDynamic);
        deepEqual(
          (await driver.inspect()).map(({ reason }) => reason),
          ["ok", "ok", "ok"],
        );
        for (const id of stage.isDynamic ? IDS : []) await driver.remove(id);
        await driver.release();
        equal(existsSync(`${DIR}/v4l2loopback`), false);
      });
      return undefined;
    },
  },
  {
    name: "a node that belongs to another device is replaced, with the number and mode it had",
    async run(stage) {
      const driver = await made(stage);
      const { rdev } = identity("video11");
      replaceNode("video11", "video12");
      const [, seen] = await driver.inspect();
      equal(seen?.reason, "wrong_driver");
      match(seen?.detail ?? "", /\/dev\/video11 is the device 81:\d+, but video11 is 81:\d+/);
      deepEqual((await driver.ensure()).failed, []);
      deepEqual([identity("video11").rdev, identity("video11").mode & 0o7777], [rdev, MODE]);
      return undefined;
    },
  },
  {
    name: "device rules that forbid to open devices are seen without opening one, and are one error",
    async run(stage) {
      const driver = await made(stage);
      const reasons = async (other = driver) => (await other.inspect()).map(({ reason }) => reason);
      await withoutDevices(async () => {
        throws(() => stage.open("video10"), { errnoName: "EPERM" });
        deepEqual(
          await reasons(),
          IDS.map(() => "not_permitted"),
        );
        await rejects(driver.ensure(), { code: "device_not_permitted" });
        deepEqual(await reasons(stage.driver({ readOnly: true })), ["ok", "ok", "ok"]);
        deepEqual((await stage.driver({ opensDevices: false }).ensure()).adopted, IDS);
      });
      deepEqual(await reasons(), ["ok", "ok", "ok"]);
      deepEqual((await driver.ensure()).failed, []);
      return undefined;
    },
  },
  {
    name: "in a read-only /dev a node that belongs to another device is reported, and left as it is",
    async run(stage) {
      await made(stage);
      replaceNode("video11", "video12");
      const before = identity("video11");
      await withMount(HOST_DEV_READ_ONLY, async () => {
        const driver = stage.driver({ deviceDir: DIR });
        const report = await driver.ensure();
        deepEqual(codesOf(report), [["video11", "node_not_changed"]]);
        match(messages(report), /video11 belongs to another device.*EROFS/);
        deepEqual(
          (await driver.inspect()).map(({ reason }) => reason),
          ["ok", "wrong_driver", "ok"],
        );
      });
      deepEqual(identity("video11"), before);
      return undefined;
    },
  },
];
