import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Cluster } from "../cluster/cluster.ts";
import { unsupported } from "../cluster/environment.ts";
import type { ApiObject } from "../cluster/kubectl.ts";
import { checkout } from "../image/paths.ts";
import { runDir } from "../kubelet/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { waitFor } from "../kubelet/wait.ts";
import { exampleImages, manifests, podsOf, poolValues } from "./examples.ts";

/**
 * Every file of deploy/kubernetes/examples, applied as it is to a cluster with simulated devices, with the images built from
 * deploy/examples. Run `test/examples/provision.sh` first, then `bun run test:examples` as root.
 */
const images = exampleImages();
const noImages = "reason" in images ? (images.reason as string) : undefined;
const skip = skipLevel(unsupported() ?? noImages);

/** Of anything that the cluster is waited for, ms. */
const patienceMs = 180_000;

/** What each example's log says with a simulated device, by file; scaledjob.yaml needs KEDA. */
const simulated = "this device is simulated: /dev/video";
const expected = {
  "browser-bot.yaml": ["browser-bot", [simulated, "microphone: ", "cameras: 0"]],
  "deployment.yaml": ["meeting-bot", [simulated, "ffmpeg writes 1280x720"]],
  "gstreamer.yaml": ["gstreamer", [simulated, "GStreamer writes 1280x720"]],
  "job.yaml": ["meeting-recorder", [simulated, "ffmpeg writes 1280x720"]],
  "non-root.yaml": ["non-root-video-app", [simulated, "ffmpeg writes 1280x720"]],
  "pod.yaml": ["video-app", [simulated, "ffmpeg writes 1280x720"]],
  "ready-camera.yaml": ["ready-camera", [simulated, "microphone: ", "cameras: 0"]],
  "recorder.yaml": ["recorder", [simulated, "recording /dev/video"]],
  "two-cameras.yaml": ["mixer", [simulated, "ffmpeg writes 1280x720"]],
  "two-pools.yaml": ["camera-and-screen", [simulated, " and /dev/video4"]],
} as const;

describe.skipIf(skip)("the examples with simulated devices", () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;

  beforeAll(async () => {
    await cluster.start();
    const repository = await cluster.pushImage("0.1.0");
    for (const archive of (images as ReadonlyMap<string, string>).values()) {
      await cluster.containerd.importImage(archive);
    }
    await cluster.helm(
      ...["install", "video-device-plugin", join(checkout, "deploy/helm/video-device-plugin")],
      ...["--namespace", "kube-system", "--wait", "--timeout=120s", "--values", poolValues(runDir)],
      ...["--set", `image.repository=${repository}`, "--set", "config.driver=simulated"],
      // All examples at a time need more than 8.
      ...["--set", "pools[0].loopback.count=20"],
    );
  }, 600_000);
  afterAll(() => cluster.stop(), 120_000);

  const log = (pod: ApiObject) => kubectl.run(["logs", pod.metadata.name]);

  async function until<T>(what: string, pod: string, probe: () => Promise<T | undefined>) {
    return waitFor(what, patienceMs, probe).catch(async (cause) => {
      const logs = await Promise.all(
        (await podsOf(kubectl, pod)).map((one) => log(one).catch(String)),
      );
      const description = await kubectl.run(["describe", "pods"]).catch(String);
      throw new Error([cause, ...logs, description, cluster.logs()].join("\n"), { cause });
    });
  }

  test.each(Object.entries(expected))(
    "%s runs, and says that its device is simulated",
    async (file, [name, texts]) => {
      await kubectl.run(["apply", "-f", join(manifests, file)]);
      const pods = await until(`${file}: every pod is Running or Succeeded`, name, async () => {
        const now = await podsOf(kubectl, name);
        const isUp = ({ status }: ApiObject) => ["Running", "Succeeded"].includes(status.phase);
        return now.length > 0 && now.every(isUp) ? now : undefined;
      });
      for (const pod of pods) {
        await until(`${pod.metadata.name}: its log`, name, async () => {
          const text = await log(pod);
          return texts.every((part) => text.includes(part)) ? true : undefined;
        });
      }
      for (const { status } of await podsOf(kubectl, name)) {
        expect(["Running", "Succeeded"]).toContain(status.phase);
        expect(status.containerStatuses[0].restartCount).toBe(0);
      }
    },
    2 * patienceMs,
  );

  test(
    "the recorder ends with code 1 when its writer dies, and says so",
    async () => {
      const [pod] = await podsOf(kubectl, "recorder");
      if (pod === undefined) throw new Error("no recorder");
      const [, writer] = /the writer is process (\d+)/.exec(await log(pod)) ?? [];
      await kubectl.run(["exec", "recorder", "--", "bash", "-c", `kill -9 ${writer}`]);
      const { status } = await until("the recorder has failed", "recorder", async () => {
        const now = await kubectl.get("pod", "recorder");
        return now.status.phase === "Failed" ? now : undefined;
      });
      expect(status.containerStatuses[0].state.terminated.exitCode).toBe(1);
      expect(await log(pod)).toContain(
        "record: the writer ended with code 137: no frames reach /dev/video",
      );
    },
    2 * patienceMs,
  );

  test(
    "the Job succeeds",
    () =>
      until("the Job has succeeded", "meeting-recorder", async () => {
        const { status } = await kubectl.get("job", "meeting-recorder");
        return status.succeeded === 1 ? true : undefined;
      }).then(() => undefined),
    2 * patienceMs,
  );
});
