import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import { Cluster } from "../cluster/cluster.ts";
import { unsupported } from "../cluster/environment.ts";
import { daemonSet, namespace, Stage } from "../cluster/stage.ts";
import { checkout } from "../image/paths.ts";
import { imageName as busybox } from "../kubelet/image.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { Keda, unsupported as kedaUnsupported, kedaVersion, Redis } from "./keda.ts";
import { type Sample, timeline } from "./timeline.ts";

/**
 * The example `scaledjob.yaml` on KEDA itself, in the cluster of `test/cluster`, with a Redis and simulated devices. Run
 * `test/keda/provision.sh` first, then `bun run test:keda` as root; not beside the tests of kubelet and cluster.
 */
const skip = skipLevel(unsupported() ?? kedaUnsupported());

const cameras = 8;
/** What the example names. */
const scaledJob = "video-processing-job";
const list = "meetings";
/** Where the jobs write what they do, in its order. */
const journal = "journal";
const limits = { patienceMs: 300_000, storyMs: 900_000 };

describe.skipIf(skip)(`a ScaledJob of KEDA ${kedaVersion}`, () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;
  const stage = new Stage(cluster, limits);
  const redis = new Redis();
  const keda = new Keda();

  beforeAll(async () => {
    await cluster.start();
    await redis.start();
    await install();
    await keda.start(cluster);
    await kubectl.apply(example());
  }, 600_000);
  afterAll(async () => {
    await keda.stop();
    await redis.stop();
    await cluster.stop();
  }, 120_000);

  const story = (name: string, work: () => Promise<void>) =>
    stage.story(name, work, () => keda.daemon.tail(40));

  story("scales from 0 to all cameras and back, as the list is filled and emptied", async () => {
    expect(await kubectl.list("jobs")).toEqual([]);
    const entries = names("first", 3 * cameras);
    await redis.push(list, entries);
    const samples = await untilAllHaveEnded(entries);
    console.log(`${entries.length} entries, maxReplicaCount ${cameras}:\n${timeline(samples)}`);
    expect(Math.max(...samples.map(({ running }) => running))).toBe(cameras);
    expect(Math.max(...samples.map(({ pending }) => pending))).toBeLessThanOrEqual(cameras);

    const played = await meetings();
    expect(played.map(({ entry }) => entry).toSorted()).toEqual(entries.toSorted());
    expect(new Set(played.map(({ device }) => device)).size).toBe(cameras);
    expect(await atOnce()).toBe(cameras);
  });

  story("jobs beyond the cameras stay Pending, and a change of the limit ends no job", async () => {
    await redis.remove(journal);
    await kubectl.run(["patch", "scaledjob", scaledJob, "--type=merge", "-p", limit(12)]);
    const entries = names("second", 12);
    await redis.push(list, entries);
    await stage.until("8 jobs play, 4 are Pending", async () => {
      const { running, pending } = await sample(0);
      return running === cameras && pending === 4;
    });
    await kubectl.run(["patch", "scaledjob", scaledJob, "--type=merge", "-p", limit(cameras)]);
    await untilAllHaveEnded(entries);
    expect((await meetings()).map(({ entry }) => entry).toSorted()).toEqual(entries.toSorted());
    expect(await atOnce()).toBe(cameras);
  });

  story("no pod was refused, and every camera was reset after its job", async () => {
    const refused = [
      "get",
      "events",
      "--field-selector=reason=UnexpectedAdmissionError",
      "-o",
      "name",
    ];
    expect(await kubectl.run(refused)).toBe("");
    await stage.until("all devices are clean and free", async () => {
      const metrics = await pluginMetrics();
      return sum(metrics, "device_clean") === cameras && sum(metrics, "device_resetting") === 0;
    });
    const metrics = await pluginMetrics();
    const allocated = sum(metrics, "allocated_devices_total");
    const resets = sum(metrics, "resets_total", 'result="ok"');
    console.log(`${allocated} allocations, ${resets} resets`);
    expect(allocated).toBeGreaterThanOrEqual(3 * cameras + 12);
    expect(resets).toBe(allocated);
    expect(sum(metrics, "resets_total", 'result="failed"')).toBe(0);
    expect(sum(metrics, "allocations_refused_total")).toBe(0);
  });

  async function install(): Promise<void> {
    const repository = await cluster.pushImage("0.1.0");
    const chart = join(checkout, "deploy/helm/video-device-plugin");
    const values = {
      "image.repository": repository,
      "image.tag": "0.1.0",
      fullnameOverride: daemonSet,
      "config.driver": "simulated",
      "config.enableMetrics": "true",
    };
    await cluster.helm(
      ...["install", "cameras", chart, "--namespace", namespace, "--wait", "--timeout=120s"],
      ...Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
    );
    await stage.allAllocatable();
  }

  async function pluginMetrics(): Promise<string> {
    const [pod] = JSON.parse(
      await kubectl.run(["get", "pods", "-n", namespace, "-l", `name=${daemonSet}`, "-o", "json"]),
    ).items;
    const response = await fetch(`http://${pod.status.podIP}:8080/metrics`);
    if (!response.ok) throw new Error(`/metrics: ${response.status}`);
    return response.text();
  }

  /** The example as it is, but for Redis' address, the image and its command. */
  function example(): object {
    const file = join(checkout, "deploy/kubernetes/examples/scaledjob.yaml");
    // biome-ignore lint/suspicious/noExplicitAny: an object of a custom kind
    const object = YAML.parse(readFileSync(file, "utf8")) as any;
    const [container] = object.spec.jobTargetRef.template.spec.containers;
    container.image = busybox;
    container.imagePullPolicy = "Never";
    container.command = ["/bin/busybox", "sh", "-c", app];
    container.env.find(({ name }: { name: string }) => name === "REDIS_ADDRESS").value =
      redis.address;
    return object;
  }

  /** What jobs and list look like now. */
  async function sample(seconds: number): Promise<Sample> {
    const [waiting, jobs, pods] = await Promise.all([
      redis.length(list),
      kubectl.list("jobs"),
      kubectl.list("pods", `scaledjob.keda.sh/name=${scaledJob}`),
    ]);
    const phases = pods.map(({ status }) => status.phase as string);
    const count = (phase: string) => phases.filter((each) => each === phase).length;
    return {
      seconds,
      waiting,
      jobs: jobs.filter(({ status }) => status.active > 0).length,
      running: count("Running"),
      pending: count("Pending"),
    };
  }

  /** Resolves when the list is empty, each entry has been played and no job is active. @returns what was seen on the way. */
  async function untilAllHaveEnded(entries: readonly string[]): Promise<Sample[]> {
    const samples: Sample[] = [];
    const started = performance.now();
    await stage.until(`${entries.length} entries are played, and no job is left`, async () => {
      const now = await sample((performance.now() - started) / 1000);
      samples.push(now);
      return now.jobs === 0 && (await meetings()).length >= entries.length;
    });
    return samples;
  }

  /** What the jobs have written: an entry, and on which device it was played to its end. */
  async function meetings(): Promise<{ entry: string; device: string }[]> {
    return (await redis.entries(journal))
      .map((line) => line.split(":"))
      .filter(([what]) => what === "end")
      .map(([, entry = "", device = ""]) => ({ entry, device }));
  }

  /** The highest number of jobs that had a camera at once. @throws if two had the same one. */
  async function atOnce(): Promise<number> {
    const inUse = new Set<string>();
    let most = 0;
    for (const line of await redis.entries(journal)) {
      const [what, entry, device = ""] = line.split(":");
      if (what === "end") inUse.delete(device);
      if (what !== "start") continue;
      if (inUse.has(device)) throw new Error(`${entry} got ${device}, which was in use`);
      inUse.add(device);
      most = Math.max(most, inUse.size);
    }
    return most;
  }
});

/**
 * Takes an entry, writes frames to the camera for 5 s, and ends. Redis takes a line as a command, and answers with the
 * length of the entry, or $-1, in a line of its own (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 */
const app = `
set -eu
# As process 1 it would go on otherwise, and a deleted Job would play its entry all the same.
trap 'exit 1' TERM
redis() { printf '%s\\r\\nQUIT\\r\\n' "$*" | nc "\${REDIS_ADDRESS%:*}" "\${REDIS_ADDRESS#*:}" | tr -d '\\r'; }
set -- $(redis LPOP ${list})
if [ "$1" = '$-1' ]; then redis RPUSH ${journal} "empty:none:$VIDEO_DEVICE"; exit; fi
entry=$2
redis RPUSH ${journal} "start:$entry:$VIDEO_DEVICE"
exec 3>"$VIDEO_DEVICE"
for frame in $(seq 50); do dd if=/dev/zero bs=460800 count=1 >&3 2>/dev/null; sleep 0.1; done
exec 3>&-
redis RPUSH ${journal} "end:$entry:$VIDEO_DEVICE"
`;

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

const limit = (maxReplicaCount: number) => JSON.stringify({ spec: { maxReplicaCount } });

/** The sum of a metric's samples, of those with the label. */
function sum(metrics: string, name: string, label = ""): number {
  return metrics
    .split("\n")
    .filter((line) => line.replace(/[ {].*/, "") === `video_device_plugin_${name}`)
    .filter((line) => line.includes(label))
    .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
}
