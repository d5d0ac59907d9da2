import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { roleOf } from "../query.ts";
import {
  FRAME_BYTES,
  feed,
  feedSome,
  frameSums,
  reader,
  readsByMmap,
  readsByRead,
  SECRET,
  search,
  secretPicture,
  shown,
  streamed,
  TESTSRC,
  v4l2Ctl,
} from "./camera-programs.ts";
import type { Scenario } from "./scenario.ts";
import { LABEL, type Stage } from "./stage.ts";

const ID = "video11";

async function ready(stage: Stage, overrides: Parameters<Stage["driver"]>[0] = {}) {
  const driver = stage.driver(overrides);
  equal((await driver.ensure()).failed.length, 0);
  return driver;
}

const roleShown = (info: string) =>
  ["Video Capture", "Video Output"].filter((role) => info.includes(`\t\t${role}\n`)).join();

/** As a pod that ends by SIGKILL. `meanwhile` runs while it feeds. */
async function tenant(meanwhile: () => void = () => {}): Promise<void> {
  await using ffmpeg = await feed(ID, await secretPicture());
  meanwhile();
  await ffmpeg.kill();
}

/** Nothing of the last tenant is there; that there were places to look at is asserted with the first. */
function assertNoSecret(): void {
  const { read_found, capture_found, output_found, output_bytes } = search(ID);
  deepEqual(
    { read_found, capture_found, output_found },
    {
      read_found: 0,
      capture_found: 0,
      output_found: 0,
    },
  );
  ok(output_bytes >= 2 * FRAME_BYTES, `only ${output_bytes} bytes could be mapped`);
}

function assertAsNew(stage: Stage): void {
  equal(roleOf(stage.look(ID)), "output");
  equal(feedSome(ID), undefined);
}

/** `OK` or what else v4l2-compliance says of a test; the same test may come twice. */
function complianceOf(output: string, test: string): string[] {
  return output
    .split("\n")
    .filter((line) => line.trim().startsWith(`test ${test}: `))
    .map((line) => line.trim().slice(`test ${test}: `.length));
}

/** What people's own programs make of the devices: none of these is ours. */
export const programs: readonly Scenario[] = [
  {
    name: "v4l2-ctl sees driver, label, bus and caps of each of 8 devices",
    async run(stage) {
      const driver = await ready(stage, { maxDevices: 8 });
      for (const [index, { id, number }] of driver.devices.entries()) {
        const info = v4l2Ctl(id, "--info");
        equal(shown(info, "Driver name"), "v4l2 loopback");
        equal(shown(info, "Card type"), LABEL);
        const bus = String(stage.isDynamic ? number : index).padStart(3, "0");
        equal(shown(info, "Bus info"), `platform:v4l2loopback-${bus}`);
        equal(roleShown(info), "Video Output");
      }
      return undefined;
    },
  },
  {
    name: "v4l2-ctl lists the formats of an idle device, and of a fed one the format it is fed with",
    async run(stage) {
      const driver = await ready(stage);
      for (const { id } of driver.devices) {
        const formats = v4l2Ctl(id, "--list-formats-out");
        for (const name of ["YUYV", "YU12", "RGB3", "MJPG"])
          ok(formats.includes(`'${name}'`), name);
      }
      await using _ffmpeg = await feed(ID, TESTSRC);
      equal(roleShown(v4l2Ctl(ID, "--info")), "Video Capture");
      const fed = v4l2Ctl(ID, "--list-formats").match(/\[\d+\]: '(.{4})'/g);
      deepEqual(fed, ["[0]: 'YUYV'"]);
      return `${v4l2Ctl("video10", "--list-formats-out").match(/\[\d+\]/g)?.length} formats`;
    },
  },
  {
    name: "v4l2-compliance passes QUERYCAP and the priorities, and reset undoes what it left",
    async run(stage) {
      const driver = await ready(stage);
      // Its exit code says that something failed, as some of the module's own calls do.
      const output = Bun.spawnSync(["v4l2-compliance", "-d", `/dev/${ID}`]).stdout.toString();
      await Bun.write("/log/compliance", output);
      deepEqual(complianceOf(output, "VIDIOC_QUERYCAP"), ["OK", "OK"]);
      deepEqual(complianceOf(output, "VIDIOC_G/S_PRIORITY"), ["OK"]);
      deepEqual(complianceOf(output, "invalid ioctls"), ["OK"]);
      await driver.reset(ID);
      assertAsNew(stage);
      const [, all, passed] = output.match(/: (\d+), Succeeded: (\d+), Failed/) ?? [];
      notEqual(passed, undefined, output);
      return `${passed} of ${all} tests pass`;
    },
  },
  {
    name: "an ffmpeg reads what another writes, each frame as it was made and in order",
    async run(stage) {
      await ready(stage, { maxBuffers: 8 });
      const made = frameSums(TESTSRC, 300);
      equal(new Set(made).size, 300);
      await using ffmpeg = await feed(ID, TESTSRC);
      const read = frameSums(["-f", "v4l2", "-i", `/dev/${ID}`], 20);
      const places = read.map((sum) => made.indexOf(sum));
      equal(read.length, 20);
      equal(places.includes(-1), false, `read ${places}`);
      deepEqual(
        places,
        [...new Set(places)].sort((a, b) => a - b),
      );
      equal(ffmpeg.log().includes("rror"), false, ffmpeg.log());
      return undefined;
    },
  },
  {
    name: "v4l2-ctl reads by mmap what ffmpeg writes, all bytes of 20 frames",
    async run(stage) {
      await ready(stage);
      await using _ffmpeg = await feed(ID, await secretPicture());
      const expected = Buffer.from(SECRET.repeat(FRAME_BYTES / SECRET.length));
      for (const frame of streamed(ID, 20)) equal(expected.equals(frame), true, "another frame");
      return undefined;
    },
  },
  {
    name: "while a program reads by mmap, a second one reads too, or the device is busy",
    async run(stage) {
      await ready(stage);
      await using _ffmpeg = await feed(ID, TESTSRC);
      await using _first = await reader(ID);
      const second = { mmap: readsByMmap(ID), read: readsByRead(ID) };
      const is0_13 = stage.version.startsWith("0.13.");
      deepEqual(second, { mmap: !stage.isDynamic, read: !stage.isDynamic || is0_13 });
      if (second.mmap) return "reads";
      return second.read ? "busy, but for read()" : "busy";
    },
  },
  {
    name: "one ffmpeg writes to two devices, and each of them has a reader of its own",
    async run(stage) {
      await ready(stage);
      const other = "video10";
      const outputs = ["-f", "v4l2", `/dev/${other}`, "-pix_fmt", "yuyv422"];
      await using _ffmpeg = await feed(ID, [...TESTSRC, ...outputs]);
      await using _first = await reader(other);
      equal(streamed(ID, 2).length, 2);
      return undefined;
    },
  },
  {
    name: "ffmpeg and a look leave dead caps before 0.13, which repair ends for the next ffmpeg",
    async run(stage) {
      const driver = await ready(stage);
      equal(feedSome(ID), undefined);
      v4l2Ctl(ID, "--info");
      const role = roleShown(v4l2Ctl(ID, "--info"));
      if (stage.isDynamic) {
        equal(role, "Video Output");
        assertAsNew(stage);
        return "no such defect";
      }
      equal(role, "");
      match(feedSome(ID) ?? "it feeds a dead device", /Invalid argument|not|rror/);
      await driver.repair(ID);
      equal(roleShown(v4l2Ctl(ID, "--info")), "Video Output");
      assertAsNew(stage);
      return "repaired";
    },
  },
  {
    name: "reset ends what ffmpeg and a look left",
    async run(stage) {
      const driver = await ready(stage);
      equal(feedSome(ID), undefined);
      v4l2Ctl(ID, "--info");
      equal(roleShown(v4l2Ctl(ID, "--info")), stage.isDynamic ? "Video Output" : "");
      await driver.reset(ID);
      assertAsNew(stage);
      return undefined;
    },
  },
  {
    name: "frames of a killed ffmpeg are not found after reset, by read() nor by mmap",
    async run(stage) {
      const driver = await ready(stage);
      await tenant(() => {
        const { read_found, capture_found } = search(ID);
        equal(read_found > 0 && capture_found > 0, true, "the search finds nothing that is there");
      });
      await driver.reset(ID);
      assertNoSecret();
      return undefined;
    },
  },
  {
    name: "frames kept by v4l2-ctl -c keep_format=1 are found by the next program, and not after reset",
    async run(stage) {
      const driver = await ready(stage);
      await tenant(() => v4l2Ctl(ID, "-c", "keep_format=1"));
      equal((await driver.inspect())[1]?.reason, "stuck_writer");
      const { read_found, capture_found } = search(ID);
      equal(read_found + capture_found > 0, true, "nothing was kept");
      await driver.reset(ID);
      assertNoSecret();
      return undefined;
    },
  },
  {
    name: "keep_format, timeout and frame rate of v4l2-ctl are a new device's after reset",
    async run(stage) {
      const driver = await ready(stage);
      const controls = () => v4l2Ctl(ID, "-C", "keep_format,sustain_framerate,timeout");
      const rate = () => readFileSync(`/sys/class/video4linux/${ID}/format`, "utf8").trim();
      const fresh = [controls(), v4l2Ctl(ID, "--get-output-parm")];
      await tenant(() => {
        v4l2Ctl(ID, "--set-parm", "5");
        v4l2Ctl(ID, "-c", "keep_format=1,sustain_framerate=1,timeout=777");
      });
      match(rate(), /@5(000\/1000)?$/);
      match(controls(), /keep_format: 1\nsustain_framerate: 1\ntimeout: 777\n/);
      await driver.reset(ID);
      deepEqual([controls(), v4l2Ctl(ID, "--get-output-parm")], fresh);
      match(fresh.join(), /keep_format: 0\nsustain_framerate: 0\ntimeout: 0\n[\s\S]*30\.000/);
      assertAsNew(stage);
      return undefined;
    },
  },
];
