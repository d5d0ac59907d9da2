import { deepEqual, equal, notEqual } from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { controlId } from "../../../src/drivers/loopback/cleaning/frame-scrub.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import { roleOf } from "../query.ts";
import { identity, loaded, modeOf, query, run } from "../stories/cameras.ts";
import {
  HEIGHT,
  FRAME_BYTES as SEARCHED_BYTES,
  SECRET as SECRET_TEXT,
  search,
  WIDTH,
} from "./camera-programs.ts";
import { DIR, HOST_DEV_READ_ONLY, withMount } from "./device-directory.ts";
import type { Scenario } from "./scenario.ts";
import { clearsMemory, codeOf, LABEL, MODE, type Stage } from "./stage.ts";
import {
  assertAsNew,
  assertNoSecret,
  FORMAT,
  FRAME_BYTES,
  feed,
  framesOf,
  ID,
  ignoring,
  letTimeoutPass,
  misuse,
  SECRET,
} from "./tenant.ts";

/** As a tenant does: all of the device's memory, and none of its own. */
function fillWithSecret(how: "kept" | "timeout" | "closed"): void {
  const size = [String(WIDTH), String(HEIGHT)];
  run(["/bin/v4l2-tool", "fill", how, `/dev/${ID}`, ...size, SECRET_TEXT]);
}

/** The next tenant looks through all that it can map and read. */
function assertNotFound(): void {
  const found = search(ID);
  const { read_found, capture_found, output_found } = found;
  deepEqual([read_found, capture_found, output_found], [0, 0, 0]);
  equal(found.output_bytes >= 2 * SEARCHED_BYTES, true, "nothing could be mapped");
}

/** True if the last tenant's picture is shown once the next one, which asked for a timeout, falls silent. */
async function showsSecretWhenSilent(stage: Stage): Promise<boolean> {
  using writer = stage.open(ID);
  const format = { width: WIDTH, height: HEIGHT, pixelFormat: pixelFormats.YUYV };
  ignoring(() => writer.setFormat("output", format));
  ignoring(() => writer.streamOn("output"));
  ignoring(() => writer.setControl(controlId.timeout, 100));
  ignoring(() => writer.write(new Uint8Array(SEARCHED_BYTES)));
  await Bun.sleep(400);
  using reader = stage.open(ID);
  const frames = framesOf(reader).map(({ buffer }) => Buffer.from(buffer));
  const isShown = frames.some((frame) => frame.includes(SECRET_TEXT));
  // A kernel that does not clear memory would hand copies out again.
  for (const frame of frames) frame.fill(0);
  return isShown;
}

/** The next tenant's reader gets the writer's frame. Before 0.14 the kernel oopses if the module knows of a timeout. */
function assertReads(stage: Stage): void {
  using _writer = feed(stage);
  using reader = stage.open(ID);
  notEqual(framesOf(reader).length, 0);
}

const attribute = (name: string) =>
  readFileSync(`/sys/class/video4linux/${ID}/${name}`, "utf8").trim();

async function ready(stage: Stage) {
  const driver = stage.driver();
  equal((await driver.ensure()).failed.length, 0);
  return driver;
}

const reasonOf = async (driver: ReturnType<Stage["driver"]>) => (await driver.inspect())[1]?.reason;

/** What tenants leave, and how it goes. */
export const cleaning: readonly Scenario[] = [
  {
    name: "a writer that only wrote leaves dead caps before 0.13, which repair ends",
    async run(stage) {
      const driver = await ready(stage);
      run(["/bin/v4l2-tool", "write-frames", "--write-only", `/dev/${ID}`, "3"]);
      query([ID]);
      if (stage.isDynamic) {
        equal(roleOf(stage.look(ID)), "output");
        equal(await codeOf(driver.repair(ID)), "not_supported");
        return "no such defect";
      }
      equal(roleOf(stage.look(ID)), "neither");
      await driver.repair(ID);
      equal(roleOf(stage.look(ID)), "output");
      const [device] = JSON.parse(
        `[${run(["/bin/v4l2-tool", "query", "--try-format", `/dev/${ID}`])}]`,
      );
      equal(device.s_fmt_output, "0");
      return "repaired";
    },
  },
  {
    name: "reset ends dead caps",
    async run(stage) {
      const driver = await ready(stage);
      run(["/bin/v4l2-tool", "write-frames", "--write-only", `/dev/${ID}`, "3"]);
      query([ID]);
      await driver.reset(ID);
      equal(roleOf(stage.look(ID)), "output");
      return undefined;
    },
  },
  {
    name: "a kept format with its last frame is a stuck writer, and gone after reset",
    async run(stage) {
      const driver = await ready(stage);
      const file = feed(stage);
      file.setControl(controlId.keepFormat, 1);
      equal(await reasonOf(driver), "ok");
      file.close();
      equal(await reasonOf(driver), "stuck_writer");
      {
        using next = stage.open(ID);
        equal(
          framesOf(next).some((frame) => frame.includes(SECRET)),
          true,
          "nothing to clean",
        );
      }
      await driver.reset(ID);
      equal(await reasonOf(driver), "ok");
      {
        using reader = stage.open(ID);
        assertNoSecret(framesOf(reader));
      }
      using next = stage.open(ID);
      const other = { ...FORMAT, width: 320, height: 240 };
      const format = next.setFormat("output", other);
      deepEqual([format.width, format.height], [320, 240]);
      return undefined;
    },
  },
  {
    name: "controls and the frame rate are a new device's after reset",
    async run(stage) {
      const driver = await ready(stage);
      misuse(stage);
      await driver.reset(ID);
      assertAsNew(stage);
      equal(attribute("max_openers"), "10");
      return undefined;
    },
  },
  {
    name: "a timeout image of the last tenant is not shown after reset",
    async run(stage) {
      const driver = await ready(stage);
      fillWithSecret("timeout");
      equal(await showsSecretWhenSilent(stage), true, "nothing to clean");
      await driver.reset(ID);
      equal(await showsSecretWhenSilent(stage), false, "the last tenant's image");
      return undefined;
    },
  },
  {
    name: "where the control device can't be used, a timeout image is not shown after reset either",
    async run(stage) {
      await ready(stage);
      fillWithSecret("timeout");
      equal(await showsSecretWhenSilent(stage), true, "nothing to clean");
      rmSync("/dev/v4l2loopback", { force: true });
      await withMount(HOST_DEV_READ_ONLY, () => stage.driver({ deviceDir: DIR }).reset(ID));
      equal(await showsSecretWhenSilent(stage), false, "the last tenant's image");
      return undefined;
    },
  },
  {
    name: "the next tenant can read although a timeout of the last one has passed",
    async run(stage) {
      const driver = await ready(stage);
      await letTimeoutPass(feed(stage));
      await driver.reset(ID);
      assertReads(stage);
      return undefined;
    },
  },
  {
    name: "where the control device can't be used, the next tenant can read then, too",
    async run(stage) {
      await ready(stage);
      await letTimeoutPass(feed(stage));
      rmSync("/dev/v4l2loopback", { force: true });
      await withMount(HOST_DEV_READ_ONLY, () => stage.driver({ deviceDir: DIR }).reset(ID));
      assertReads(stage);
      return undefined;
    },
  },
  {
    name: "a kept format's frames are in no byte of the buffers that are mapped after reset",
    async run(stage) {
      const driver = await ready(stage);
      fillWithSecret("kept");
      const { read_found, capture_found } = search(ID);
      equal(read_found + capture_found > 0, true, "nothing was kept");
      stage.overwriteLeft(ID);
      assertNotFound();
      await driver.reset(ID);
      assertNotFound();
      return undefined;
    },
  },
  {
    name: "frames are also gone after reset from buffers that the tenant no longer asked for",
    async run(stage) {
      const driver = await ready(stage);
      fillWithSecret("kept");
      {
        using file = stage.open(ID);
        ignoring(() => file.requestBuffers("output", 1));
      }
      stage.overwriteLeft(ID);
      assertNotFound();
      await driver.reset(ID);
      assertNotFound();
      return attribute("buffers");
    },
  },
  {
    name: "a timeout image is in no byte of the buffers that are mapped after reset",
    async run(stage) {
      const driver = await ready(stage);
      fillWithSecret("timeout");
      stage.overwriteLeft(ID);
      equal(await showsSecretWhenSilent(stage), false, "it was not overwritten");
      await driver.reset(ID);
      assertNotFound();
      return undefined;
    },
  },
  {
    name: "frames whose buffers went with their writer are mapped after reset as the kernel hands them out",
    async run(stage) {
      const driver = await ready(stage);
      fillWithSecret("closed");
      await driver.reset(ID);
      if (clearsMemory) assertNotFound();
      const { output_found } = search(ID);
      return clearsMemory ? undefined : `${output_found} marks`;
    },
  },
  {
    name: "no frame of the last tenant is read by the next, which feeds fewer than there are buffers",
    async run(stage) {
      const driver = await ready(stage);
      feed(stage).close();
      await driver.reset(ID);
      using writer = stage.open(ID);
      writer.setFormat("output", FORMAT);
      ignoring(() => writer.streamOn("output"));
      writer.write(new Uint8Array(FRAME_BYTES));
      using reader = stage.open(ID);
      assertNoSecret(framesOf(reader));
      return undefined;
    },
  },
  {
    name: "a device that a tenant left refusing all others is recreated, or only unloading the module helps",
    async run(stage) {
      const driver = await ready(stage);
      {
        using file = stage.open(ID);
        file.setControl(controlId.timeoutImageIo, 1);
      }
      if (!stage.isDynamic) {
        equal(await codeOf(driver.reset(ID)), "reset_failed");
        // That open failed and is counted all the same, for ever.
        equal(await codeOf(driver.reset(ID)), "device_busy");
        await driver.release();
        equal((await driver.ensure()).created.length, 3);
      }
      await driver.reset(ID);
      equal(roleOf(stage.look(ID)), "output");
      return stage.isDynamic ? "recreated" : "unloaded";
    },
  },
  {
    name: "reset keeps number, mode, group and label, and takes its time",
    async run(stage) {
      const driver = await ready(stage);
      const { rdev } = identity(ID);
      const started = performance.now();
      await driver.reset(ID);
      const ms = Math.round(performance.now() - started);
      const after = identity(ID);
      deepEqual([after.rdev, modeOf(ID), after.gid], [rdev, MODE, 44]);
      equal(stage.look(ID).card, LABEL);
      return `${ms} ms`;
    },
  },
  {
    name: "a device that a process has open is neither reset nor removed, and goes on as it was",
    async run(stage) {
      const driver = await ready(stage);
      const before = identity(ID);
      using file = feed(stage);
      equal(await driver.isOpen(ID), true);
      equal(await driver.isOpen("video10"), false);
      equal(await codeOf(driver.reset(ID)), "device_busy");
      equal(await codeOf(driver.remove(ID)), stage.isDynamic ? "device_busy" : "not_supported");
      if (!stage.isDynamic) equal(await codeOf(driver.repair(ID)), "device_busy");
      deepEqual(identity(ID), before);
      equal(attribute("max_openers"), "10");
      equal(file.write(new Uint8Array(FRAME_BYTES)), FRAME_BYTES);
      equal(await reasonOf(driver), "ok");
      file.close();
      equal(await driver.isOpen(ID), false);
      notEqual(await reasonOf(driver), "stuck_writer");
      return undefined;
    },
  },
  {
    name: "remove removes a single device, or says that it can't",
    async run(stage) {
      const driver = await ready(stage);
      const code = await codeOf(driver.remove(ID));
      equal(code, stage.isDynamic ? undefined : "not_supported");
      equal(await reasonOf(driver), stage.isDynamic ? "missing" : "ok");
      return stage.isDynamic ? "removed" : "refused";
    },
  },
  {
    name: "at the end the module that the driver loaded is unloaded, once no process uses it",
    async run(stage) {
      const driver = await ready(stage);
      {
        using _held = stage.open(ID);
        await driver.release();
        equal(await reasonOf(driver), "ok");
      }
      if (stage.isDynamic) for (const { id } of driver.devices) await driver.remove(id);
      await driver.release();
      equal(await reasonOf(driver), "module_gone");
      equal(loaded(["v4l2loopback"]).length, 0);
      deepEqual(query(), []);
      return undefined;
    },
  },
];
