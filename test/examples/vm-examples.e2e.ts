import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { unsupported } from "../cluster/environment.ts";
import { vmPatienceMs, waitForVm } from "../cluster/vm-node.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { environment } from "../node/environment.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { explained } from "../support/explained.ts";
import { exampleObjects } from "../support/manifests.ts";
import { exampleImages } from "./examples.ts";
import { readyCameraStories } from "./ready-camera-stories.ts";
import { release, VmStage, withEnv } from "./vm-stage.ts";

/**
 * The examples on a node with the real v4l2loopback: the VM of test/cluster. Their pods run the images of deploy/examples,
 * and real frames arrive at a reader or in a page. Run `test/examples/provision.sh` and `test/node/provision.sh` first, then
 * `bun run test:examples` as root.
 */
const isLeftOut = onlyInFullRun("the examples on a whole machine with the real v4l2loopback");
const images = isLeftOut ? new Map<string, string>() : exampleImages();
const found = isLeftOut ? { directory: "" } : environment();
const reasons = [
  unsupported(),
  ...[images, found].map((each) => ("reason" in each ? (each.reason as string) : undefined)),
];
const skip = isLeftOut || skipLevel(reasons.find((reason) => reason !== undefined));

/** The limit of a test, ms. */
const testMs = 4 * vmPatienceMs;

/** Pictures that an emulated CPU can draw in time. */
const small = { VIDEO_SIZE: "320x240", FRAME_RATE: "5" };
/** Chromium's video has to be larger than its icon for a video without pictures. */
const forPage = { VIDEO_SIZE: "640x360", FRAME_RATE: "5" };

/** What ffmpeg says in an example's log when it has read frames back. */
const ffmpegRead =
  /^ffmpeg read 30 frames from \/dev\/video1\d, ([2-9]|[12]\d|30) of them different$/m;

describe.skipIf(skip)("the examples with the real v4l2loopback 0.15.4", () => {
  const stage = new VmStage();
  const { kubectl } = stage;

  beforeAll(async () => {
    const directory = "directory" in found ? found.directory : "";
    await stage.start(directory, images as ReadonlyMap<string, string>);
    await stage.install(release, []);
    await stage.install("screens", [
      ...["config.resourceName=meeting-baas.io/screens", "config.maxDevices=1"],
      ...["config.containerDeviceEnv=SCREEN_DEVICE", "config.firstDeviceNumber=40"],
      "config.v4l2CardLabel=Screen",
    ]);
    stage.say("both releases are ready");
  }, testMs);
  afterAll(async () => {
    await stage.stop();
  }, 120_000);

  /** Plays an example with pictures of a size. */
  const play =
    (
      file: string,
      pictures: Readonly<Record<string, string>>,
      story: (pods: readonly string[]) => Promise<void>,
    ) =>
    async () => {
      const objects = (exampleObjects().get(file) ?? []).map((each) => withEnv(each, pictures));
      await explained(
        () => stage.play(objects, story),
        () => stage.report(),
      );
      stage.say(`${file} is played`);
    };

  /** How many different frames of 10 an ffmpeg in the pod reads from a device, once it has a writer. */
  const differentFrames = (pod: string, device: string) =>
    waitForVm(`${pod} reads ${device}`, async () =>
      Number(
        await stage.inPod(
          pod,
          `set -o pipefail; ffmpeg -nostdin -loglevel error -f v4l2 -i ${device} -frames:v 10 -f framemd5 - |
             grep -v '^#' | awk '{ print $NF }' | sort -u | wc -l`,
        ),
      ),
    );

  const readsBack = async (pods: readonly string[]) => {
    for (const pod of pods) {
      await stage.says(pod, ffmpegRead);
      const { status } = await kubectl.get("pod", pod);
      expect([status.phase, status.containerStatuses[0].restartCount]).toEqual(["Running", 0]);
    }
  };

  // At a time: together they own the eight cameras, and most of their time they wait for the next frame.
  test.concurrent(
    "pod.yaml: ffmpeg reads what ffmpeg writes",
    play("pod.yaml", small, readsBack),
    testMs,
  );

  test.concurrent(
    "non-root.yaml: ffmpeg reads what ffmpeg writes",
    play("non-root.yaml", small, readsBack),
    testMs,
  );

  test.concurrent(
    "job.yaml: ffmpeg reads what ffmpeg writes, and the Job succeeds",
    // Its own 30 s may be over before an emulated CPU has started the reader.
    play("job.yaml", { ...small, DURATION: "120" }, async ([pod = ""]) => {
      await stage.says(pod, ffmpegRead);
      await waitForVm("the Job has succeeded", async () => {
        const { status } = await kubectl.get("job", "meeting-recorder");
        return status.succeeded === 1 ? true : undefined;
      });
    }),
    testMs,
  );

  test.concurrent(
    "gstreamer.yaml: v4l2src reads what v4l2sink writes",
    play("gstreamer.yaml", small, async ([pod = ""]) => {
      await stage.says(pod, /^GStreamer read 30 frames from \/dev\/video1\d$/m);
    }),
    testMs,
  );

  test.concurrent(
    "two-cameras.yaml: frames come from both",
    play("two-cameras.yaml", small, async ([pod = ""]) => {
      await stage.says(pod, /^ffmpeg writes 320x240 at 5 frames per second to \S+ and \S+$/m);
      for (const field of [1, 2]) {
        const device = `$(cut -d, -f${field} <<<$VIDEO_DEVICES)`;
        expect(await differentFrames(pod, device)).toBeGreaterThan(1);
      }
    }),
    testMs,
  );

  test.concurrent(
    "two-pools.yaml: frames come from the camera and from the screen",
    play("two-pools.yaml", small, async ([pod = ""]) => {
      await stage.says(
        pod,
        /^ffmpeg writes 320x240 at 5 frames per second to \/dev\/video1\d and \/dev\/video40$/m,
      );
      for (const device of ["$VIDEO_DEVICE", "$SCREEN_DEVICE"]) {
        expect(await differentFrames(pod, device)).toBeGreaterThan(1);
      }
    }),
    testMs,
  );

  test.concurrent(
    "recorder.yaml: it records frames, and ends with code 1 when its writer dies",
    play("recorder.yaml", small, async ([pod = ""]) => {
      const said = await stage.says(pod, /the writer is process/);
      const [, writer = ""] = /the writer is process (\d+)/.exec(said) ?? [];
      const count = `ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 $RECORDING`;
      await waitForVm("ten frames are recorded", async () =>
        Number(await stage.inPod(pod, count)) >= 10 ? true : undefined,
      );
      await stage.inPod(pod, `kill -9 ${writer}`);
      const { status } = await waitForVm("the recorder has failed", async () => {
        const now = await kubectl.get("pod", pod);
        return now.status.phase === "Failed" ? now : undefined;
      });
      expect(status.containerStatuses[0].state.terminated.exitCode).toBe(1);
      expect(await stage.log(pod)).toMatch(
        /^record: the writer ended with code 137: no frames reach \/dev\/video1\d$/m,
      );
    }),
    testMs,
  );

  test(
    "deployment.yaml: each of four pods reads what it writes",
    async () => {
      await play("deployment.yaml", small, async (pods) => {
        expect(pods).toHaveLength(4);
        await readsBack(pods);
      })();
    },
    testMs,
  );

  test(
    "browser-bot.yaml: Chromium's page sees the camera move",
    play("browser-bot.yaml", forPage, async ([pod = ""]) => {
      const text = await stage.says(pod, /^moving: [1-9]\d* pixels differ between two frames$/m);
      expect(text).toMatch(/^camera: MeetingBot_WebCam.*, 640x360$/m);
      expect(text).toMatch(/^microphone: /m);
    }),
    testMs,
  );

  readyCameraStories(stage, forPage, testMs);
});
