import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { controlId } from "../../../src/drivers/loopback/cleaning/frame-scrub.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import { roleOf } from "../query.ts";
import { query } from "../stories/cameras.ts";
import { eventually } from "../stories/eventually.ts";
import {
  assertListed,
  awaitPicture,
  CAMERA,
  FEED,
  feedWriter,
  filled,
  fillWithSecret,
  PLACEHOLDER,
  PROBLEM,
  READY_BYTES,
  ReadyStage,
  secretsIn,
  whyListedNot,
} from "./ready-stage.ts";
import type { Scenario } from "./scenario.ts";
import { codeOf, errorOf, type Stage } from "./stage.ts";
import { ignoring, letTimeoutPass } from "./tenant.ts";

const reasonsOf = async ({ driver }: ReadyStage) =>
  (await driver.inspect()).map(({ reason }) => reason);

/** A program of a pod that writes a picture to the feed, in one of the ways that programs have. */
function writePicture(stage: Stage, byte: number, startsStream: boolean): void {
  using writer = feedWriter(stage);
  if (startsStream) ignoring(() => writer.streamOn("output"));
  for (let frames = 0; frames < 4; frames++) writer.write(filled(byte));
}

/** Sets whatever a pod can set on a device; `keeps`: whether it shall keep its format. */
function setAll(stage: Stage, id: string, keeps: boolean): void {
  using file = stage.open(id);
  ignoring(() => file.setFormat("output", { width: 64, height: 48, pixelFormat: 0x33424752 }));
  ignoring(() => file.setFormat("capture", { width: 64, height: 48, pixelFormat: 0x33424752 }));
  for (const control of [controlId.keepFormat, controlId.sustainFramerate]) {
    ignoring(() => file.setControl(control, keeps ? 1 : 0));
  }
  ignoring(() => file.setControl(controlId.timeout, 50));
  ignoring(() => file.setControl(controlId.timeoutImageIo, 1));
  for (const type of ["output", "capture"] as const) {
    ignoring(() => file.setFrameInterval(type, { numerator: 1, denominator: 5 }));
  }
}

/** Cameras that are listed before any application writes. */
export const ready: readonly Scenario[] = [
  {
    name: "a ready camera is listed from its creation on, and its feed takes any writer",
    async run(stage) {
      await using cameras = new ReadyStage(stage);
      deepEqual((await cameras.driver.ensure()).created, ["video10", CAMERA]);
      assertListed(stage);
      const [camera, feed] = query([CAMERA, FEED]);
      equal(camera && roleOf(camera), "capture");
      equal(feed && roleOf(feed), "both");
      equal(feed?.card, "Default WebCam feed");
      deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
      equal(await cameras.driver.isOpen(CAMERA), false);
      const [, seen] = await cameras.driver.inspect();
      equal(seen?.format, "YU12 320x240 30 fps");
      const numbers = [seen?.deviceNumber, ...(seen?.otherNumbers ?? [])];
      const found = [CAMERA, FEED].map((id) =>
        readFileSync(`/sys/class/video4linux/${id}/dev`, "utf8").trim(),
      );
      deepEqual(numbers, found);
      return undefined;
    },
  },
  {
    name: "a reader gets the placeholder, then each of several writers, and the placeholder again",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      using reader = stage.open(CAMERA);
      await awaitPicture(reader, PLACEHOLDER);
      for (const [byte, startsStream] of [
        [0x51, false],
        [0x52, true],
      ] as const) {
        writePicture(stage, byte, startsStream);
        await awaitPicture(reader, byte);
        assertListed(stage);
        await awaitPicture(reader, PLACEHOLDER);
        assertListed(stage);
      }
      deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
      return undefined;
    },
  },
  {
    name: "a frame of a wrong size is dropped, and its size is said, until a right one comes",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      using reader = stage.open(CAMERA);
      const problem = () => cameras.driver.relay().cameras.get(CAMERA)?.problem ?? "";
      {
        using writer = stage.open(FEED);
        const other = { width: 320, height: 180, pixelFormat: pixelFormats.YU12 };
        if (ignoring(() => writer.setFormat("output", other)) === undefined) return "S_FMT EBUSY";
        await eventually("the problem", () => {
          ignoring(() => writer.write(new Uint8Array(86_400)));
          return problem() !== "";
        });
      }
      match(problem(), /The feed gets 86400 bytes a frame; this camera is 320x240 YU12\./);
      await awaitPicture(reader, PROBLEM);
      writePicture(stage, 0x51, false);
      await awaitPicture(reader, 0x51);
      // The relay's thread sends what it has seen after the frame.
      await eventually("no problem", () => problem() === "");
      await awaitPicture(reader, PLACEHOLDER);
      return "dropped";
    },
  },
  {
    name: "the next instance takes over a camera with a reader, which goes on",
    async run(stage) {
      const first = await new ReadyStage(stage).ensure();
      using reader = stage.open(CAMERA);
      await awaitPicture(reader, PLACEHOLDER);
      writePicture(stage, 0x51, false);
      await awaitPicture(reader, 0x51);
      await using next = new ReadyStage(stage);
      const taking = next.driver.ensure();
      await Bun.sleep(20);
      const from = performance.now();
      await first.driver.leave();
      deepEqual((await taking).adopted, ["video10", CAMERA]);
      const gapMs = Math.round(performance.now() - from);
      assertListed(stage);
      await awaitPicture(reader, PLACEHOLDER);
      deepEqual(await reasonsOf(next), ["ok", "ok"]);
      return `${gapMs} ms`;
    },
  },
  {
    name: "a camera whose instance has ended is taken over, with the writer of its feed",
    async run(stage) {
      const first = await new ReadyStage(stage).ensure();
      using writer = feedWriter(stage);
      writer.write(filled(0x51));
      await first.driver.leave();
      const listed =
        whyListedNot(stage) === undefined ? "listed meanwhile" : "not listed meanwhile";
      await using next = await new ReadyStage(stage).ensure();
      assertListed(stage);
      using reader = stage.open(CAMERA);
      for (let frames = 0; frames < 3; frames++) writer.write(filled(0x52));
      await awaitPicture(reader, 0x52);
      deepEqual(await reasonsOf(next), ["ok", "ok"]);
      return listed;
    },
  },
  {
    name: "a feed with a passed timeout, whose pod had it alone while no instance ran, is read again",
    async run(stage) {
      const first = await new ReadyStage(stage).ensure();
      await first.driver.leave();
      const writer = feedWriter(stage);
      ignoring(() => writer.streamOn("output"));
      ignoring(() => writer.write(filled(0x51)));
      await letTimeoutPass(writer);
      await using next = await new ReadyStage(stage).ensure();
      using reader = stage.open(CAMERA);
      writePicture(stage, 0x52, false);
      await awaitPicture(reader, 0x52);
      deepEqual(await reasonsOf(next), ["ok", "ok"]);
      return undefined;
    },
  },
  {
    name: "a pair that a program has open is not reset, and stays a camera",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      for (const id of [CAMERA, FEED]) {
        using _program = stage.open(id);
        equal(await cameras.driver.isOpen(CAMERA), true);
        equal(await codeOf(cameras.driver.reset(CAMERA)), "device_busy");
        assertListed(stage);
      }
      equal(await cameras.driver.isOpen(CAMERA), false);
      return undefined;
    },
  },
  {
    name: "after a reset of the pair the next tenant finds no byte of the last one on either device",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      const marks: number[] = [];
      for (const keeps of [true, false]) {
        // No look whether it is there: that would leave copies in memory that is no device's.
        fillWithSecret(FEED, "closed");
        await eventually("buffers of the camera", () => {
          fillWithSecret(CAMERA, "reader");
          return true;
        });
        for (const id of [CAMERA, FEED]) setAll(stage, id, keeps);
        await cameras.driver.reset(CAMERA);
        for (const id of [CAMERA, FEED]) {
          const { found, mapped } = secretsIn(id);
          ok(mapped >= 2 * READY_BYTES, `nothing of ${id} could be mapped`);
          marks.push(found);
        }
      }
      deepEqual(marks, [0, 0, 0, 0]);
      return undefined;
    },
  },
  {
    name: "after a reset of the pair no timeout image of the last tenant is shown",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      fillWithSecret(FEED, "timeout");
      await cameras.driver.reset(CAMERA);
      for (const id of [CAMERA, FEED]) {
        using next = stage.open(id);
        ignoring(() => next.setControl(controlId.timeout, 50));
        await Bun.sleep(300);
        equal(secretsIn(id).found, 0);
      }
      await cameras.driver.reset(CAMERA);
      assertListed(stage);
      return undefined;
    },
  },
  {
    name: "after a reset of the pair controls, format and rate are a new pair's",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      for (const keeps of [true, false]) {
        for (const id of [CAMERA, FEED]) setAll(stage, id, keeps);
        await cameras.driver.reset(CAMERA);
        deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
        assertListed(stage);
        for (const id of [CAMERA, FEED]) {
          using next = stage.open(id);
          const { keepFormat, sustainFramerate, timeout } = controlId;
          const values = [keepFormat, sustainFramerate, timeout].map((one) => next.getControl(one));
          deepEqual(values, [1, id === CAMERA ? 1 : 0, 0]);
          const type = id === CAMERA ? "capture" : "output";
          deepEqual(next.getFrameInterval(type), { numerator: 1, denominator: 30 });
        }
      }
      using reader = stage.open(CAMERA);
      await awaitPicture(reader, PLACEHOLDER);
      writePicture(stage, 0x51, false);
      await awaitPicture(reader, 0x51);
      return undefined;
    },
  },
  {
    name: "a program that writes to the camera itself does not end it",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      const watching = new AbortController();
      cameras.driver.watch(() => {}, watching.signal);
      let isRefused: boolean;
      {
        using program = stage.open(CAMERA);
        const format = { width: 320, height: 240, pixelFormat: pixelFormats.YU12 };
        ignoring(() => program.setFormat("output", format));
        ignoring(() => program.streamOn("output"));
        isRefused = ignoring(() => program.write(filled(0x51))) === undefined;
      }
      await eventually("the camera", () => whyListedNot(stage) === undefined);
      watching.abort();
      deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
      return isRefused ? "it is refused" : "it is a camera again";
    },
  },
  {
    name: "many opens of the feed leave the camera as it is",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      const started = performance.now();
      let opens = 0;
      while (opens < 10_000 && performance.now() - started < 1000) {
        stage.open(FEED).close();
        opens++;
      }
      assertListed(stage);
      writePicture(stage, 0x51, false);
      using reader = stage.open(CAMERA);
      await awaitPicture(reader, 0x51);
      deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
      return `${opens} opens`;
    },
  },
  {
    name: "a writer of one byte a frame stops nothing",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      using reader = stage.open(CAMERA);
      {
        using writer = feedWriter(stage);
        for (let frames = 0; frames < 20; frames++) ignoring(() => writer.write(Uint8Array.of(1)));
        await Bun.sleep(50);
      }
      await awaitPicture(reader, PROBLEM);
      writePicture(stage, 0x51, false);
      await awaitPicture(reader, 0x51);
      deepEqual(await reasonsOf(cameras), ["ok", "ok"]);
      return undefined;
    },
  },
  {
    name: "pairs are removed and created again as one",
    async run(stage) {
      await using cameras = await new ReadyStage(stage).ensure();
      if (!stage.isDynamic) {
        equal((await errorOf(cameras.driver.remove(CAMERA))).code, "not_supported");
        return "they can't be removed";
      }
      await cameras.driver.remove(CAMERA);
      deepEqual(await reasonsOf(cameras), ["ok", "missing"]);
      deepEqual((await cameras.driver.ensure()).created, [CAMERA]);
      assertListed(stage);
      return undefined;
    },
  },
  {
    name: "more than 4 ready cameras need a control device",
    async run(stage) {
      await using cameras = new ReadyStage(stage, { maxDevices: 5 });
      if (stage.isDynamic) {
        await cameras.ensure();
        assertListed(stage, "video14");
        return "created";
      }
      const error = await errorOf(cameras.driver.ensure());
      equal(error.code, "too_many_devices");
      match(error.message, /^5 ready cameras can't be created/);
      return error.code;
    },
  },
];
