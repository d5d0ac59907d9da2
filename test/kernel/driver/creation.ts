import { deepEqual, equal, match } from "node:assert/strict";
import type { LogFields } from "../../../src/common/logger.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { roleOf } from "../query.ts";
import { identity, modeOf, query } from "../stories/cameras.ts";
import type { Scenario } from "./scenario.ts";
import { codeOf, LABEL, MODE, type Stage } from "./stage.ts";

const numbered = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `video${first + index}`);

async function creates(stage: Stage, maxDevices: number): Promise<string> {
  const driver = stage.driver({ maxDevices });
  const started = performance.now();
  const report = await driver.ensure();
  const ms = Math.round(performance.now() - started);
  deepEqual(report, { created: numbered(10, maxDevices), adopted: [], failed: [] });
  const devices = query();
  equal(devices.length, maxDevices);
  for (const device of devices) {
    equal(device.driver, "v4l2 loopback");
    equal(device.card, LABEL);
    equal(roleOf(device), "output");
    equal(modeOf(device.device.replace("/dev/", "")), MODE);
  }
  return `${ms} ms`;
}

async function refuses(stage: Stage, maxDevices: number): Promise<string> {
  equal(await codeOf(stage.driver({ maxDevices }).ensure()), "too_many_devices");
  deepEqual(query(), []);
  return "refused";
}

/** What the driver says of a device that it adopts. */
async function warningsOf(stage: Stage): Promise<LogFields[]> {
  const log = recordingLogger();
  deepEqual((await stage.driver({ maxDevices: 1 }, log).ensure()).failed, []);
  return log.lines
    .filter(({ level, msg }) => level === "warn" && msg.startsWith("Adopted devices"))
    .map(({ fields }) => fields);
}

/** How devices come to be, and don't. */
export const creation: readonly Scenario[] = [
  { name: "8 devices are created, with number, label, caps and mode", run: (s) => creates(s, 8) },
  {
    name: "64 devices are created, or refused with the reason",
    run: (s) => (s.isDynamic ? creates(s, 64) : refuses(s, 64)),
  },
  {
    name: "a label with commas, quotes and an emoji is set, or refused with the reason",
    async run(stage) {
      const cardLabel = '{node}, "{n}" 🎥 and much more than fits';
      const driver = stage.driver({ cardLabel });
      if (!stage.isDynamic) {
        equal(await codeOf(driver.ensure()), "card_label_invalid");
        deepEqual(query(), []);
        return "refused";
      }
      equal((await driver.ensure()).failed.length, 0);
      equal(stage.look("video11").card, 'vm-node, "11" 🎥 and much mor');
      return "set";
    },
  },
  {
    name: "another driver's cameras on video10 to video12 are left alone, their owner named",
    async run(stage) {
      stage.modprobe("vivid", "n_devs=3", "node_types=0x1,0x1,0x1", "vid_cap_nr=10,11,12");
      const cameras = numbered(10, 3);
      const before = cameras.map(identity);
      const driver = stage.driver({ maxDevices: 5 });
      const report = await driver.ensure();
      deepEqual(report.created, numbered(13, 2));
      for (const { reason, detail } of (await driver.inspect()).slice(0, 3)) {
        equal(reason, "wrong_driver");
        match(detail, /vivid/);
      }
      deepEqual(cameras.map(identity), before);
      equal(query().length, 5);
      return undefined;
    },
  },
  {
    name: "with NUMBER_TAKEN=elsewhere the devices are put on the numbers after those cameras",
    async run(stage) {
      stage.modprobe("vivid", "n_devs=3", "node_types=0x1,0x1,0x1", "vid_cap_nr=10,11,12");
      const driver = stage.driver({ maxDevices: 8, numberTaken: "elsewhere" });
      deepEqual((await driver.ensure()).created, numbered(13, 8));
      const again = stage.driver({ maxDevices: 8, numberTaken: "elsewhere" });
      deepEqual(again.devices, driver.devices);
      deepEqual((await again.ensure()).adopted, numbered(13, 8));
      return undefined;
    },
  },
  {
    name: "of a module loaded with 2 devices and other labels these are adopted, others added if possible",
    async run(stage) {
      stage.modprobe("v4l2loopback", "devices=2", "video_nr=10,11", "card_label=Front,Back");
      const driver = stage.driver({ maxDevices: 4 });
      const report = await driver.ensure();
      deepEqual(report.adopted, numbered(10, 2));
      deepEqual(report.created, stage.isDynamic ? numbered(12, 2) : []);
      equal(report.failed.length, stage.isDynamic ? 0 : 2);
      equal(stage.look("video10").card, "Front");
      return stage.isDynamic ? "added" : "the others refused";
    },
  },
  {
    name: "each way in which an adopted device differs is logged, and ends with a reset that recreates the device",
    async run(stage) {
      stage.modprobe(
        "v4l2loopback",
        ...["devices=1", "video_nr=10", "card_label=Front", "exclusive_caps=0"],
        ...["max_buffers=5", "max_width=640", "max_height=480"],
      );
      const differences = await warningsOf(stage);
      deepEqual(differences, [
        { device_ids: ["video10"], card_label: "Front", wanted_card_label: LABEL },
        { device_ids: ["video10"], exclusive_caps: false, wanted_exclusive_caps: true },
        { device_ids: ["video10"], max_frame: "640x480", wanted_max_frame: "1920x1080" },
        { device_ids: ["video10"], max_buffers: 5, wanted_max_buffers: 2 },
      ]);
      await stage.driver({ maxDevices: 1 }).reset("video10");
      deepEqual(await warningsOf(stage), stage.isDynamic ? [] : differences);
      equal(stage.look("video10").card, stage.isDynamic ? LABEL : "Front");
      return stage.isDynamic ? "recreated" : "stays, and is logged";
    },
  },
  {
    name: "a module that created other numbers than it was loaded for is loaded again once all its devices are free",
    async run(stage) {
      stage.modprobe("vivid", "n_devs=1", "node_types=0x1", "vid_cap_nr=11");
      stage.modprobe("v4l2loopback", "devices=3", "video_nr=10,11,12");
      stage.unload("vivid");
      const driver = stage.driver();
      const ensureWith = (free: readonly string[]) => driver.ensure({ recreatable: new Set(free) });
      const [failure] = (await driver.ensure()).failed;
      equal(failure?.id, "video11");
      if (stage.isDynamic) {
        match(failure?.error.message ?? "", /index already, maybe under another number/);
        return "reported";
      }
      equal((await driver.inspect())[1]?.reason, "wrong_number");
      {
        using _held = stage.open("video13");
        equal((await ensureWith(numbered(10, 3))).failed.length, 1);
      }
      equal((await ensureWith(["video11", "video12"])).failed.length, 1);
      deepEqual((await ensureWith(numbered(10, 3))).created, numbered(10, 3));
      deepEqual(
        query().map(({ device, card }) => [device, card]),
        numbered(10, 3).map((id) => [`/dev/${id}`, LABEL]),
      );
      return "loaded again";
    },
  },
  {
    name: "devices that are lost together are recreated with the numbers that their nodes had",
    async run(stage) {
      stage.modprobe("v4l2loopback", "devices=3", "video_nr=12,10,11");
      const driver = stage.driver();
      await driver.inspect();
      const rdevs = () => numbered(10, 3).map((id) => identity(id).rdev);
      const before = rdevs();
      equal((before[2] ?? 0) < (before[0] ?? 0), true, "video12 has the lowest minor");
      stage.unload("v4l2loopback");
      deepEqual((await driver.ensure()).created, numbered(10, 3));
      deepEqual(rdevs(), before);
      return undefined;
    },
  },
  {
    name: "two programs that load at once end up with one set of right devices",
    async run(stage) {
      const loaders = [stage.spawn("ensure"), stage.spawn("ensure")];
      await Promise.all(loaders.map(({ exited }) => exited));
      const driver = stage.driver();
      equal((await driver.ensure()).failed.length, 0);
      deepEqual(
        query().map(({ device, card }) => [device, card]),
        numbered(10, 3).map((id) => [`/dev/${id}`, LABEL]),
      );
      return undefined;
    },
  },
];
