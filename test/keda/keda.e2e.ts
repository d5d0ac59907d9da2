import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import { Cluster } from "../cluster/cluster.ts";
import { unsupported } from "../cluster/environment.ts";
import { daemonSet, namespace, Stage } from "../cluster/stage.ts";
import { exampleImages } from "../examples/examples.ts";
import { checkout } from "../image/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { Keda, unsupported as kedaUnsupported, kedaVersion, Redis } from "./keda.ts";
import { type Sample, timeline } from "./timeline.ts";

/**
 * The example `scaledjob.yaml`, with its image, on KEDA itself, in the cluster of `test/cluster`, with a Redis and simulated
 * devices. Run `test/keda/provision.sh` first, then `bun run test:keda` as root; not beside the tests of kubelet and cluster.
 */
const images = exampleImages("media");
const noImage = "reason" in images ? (images.reason as string) : undefined;
const skip = skipLevel(unsupported() ?? kedaUnsupported() ?? noImage);

const cameras = 8;
/** What the example names. */
const scaledJob = "video-processing-job";
const list = "meetings";
/** How long a job streams for its entry. */
const meetingSeconds = 10;
const limits = { patienceMs: 300_000, storyMs: 900_000 };

describe.skipIf(skip)(`a ScaledJob of KEDA ${kedaVersion}`, () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;
  const stage = new Stage(cluster, limits);
  const redis = new Redis();
  const keda = new Keda();

  beforeAll(async () => {
    await cluster.start();
    for (const archive of (images as ReadonlyMap<string, string>).values()) {
      await cluster.containerd.importImage(archive);
    }
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
    const samples = await untilAllHaveEnded();
    console.log(`${entries.length} entries, maxReplicaCount ${cameras}:\n${timeline(samples)}`);
    expect(Math.max(...samples.map(({ running }) => running))).toBe(cameras);
    expect(Math.max(...samples.map(({ pending }) => pending))).toBeLessThanOrEqual(cameras);

    const played = await allWerePlayed(entries);
    expect(new Set(played.map(({ device }) => device)).size).toBe(cameras);
  });

  story("jobs beyond the cameras stay Pending, and a change of the limit ends no job", async () => {
    await kubectl.run(["patch", "scaledjob", scaledJob, "--type=merge", "-p", limit(12)]);
    const entries = names("second", 12);
    await redis.push(list, entries);
    await stage.until("8 jobs play, 4 are Pending", async () => {
      const { running, pending } = await sample(0);
      return running === cameras && pending === 4;
    });
    await kubectl.run(["patch", "scaledjob", scaledJob, "--type=merge", "-p", limit(cameras)]);
    await untilAllHaveEnded();
    await allWerePlayed(entries);
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

  /** The example as it is, but for Redis' address, shorter meetings, and a history that keeps all pods with their logs. */
  function example(): object {
    const file = join(checkout, "deploy/kubernetes/examples/scaledjob.yaml");
    // biome-ignore lint/suspicious/noExplicitAny: an object of a custom kind
    const object = YAML.parse(readFileSync(file, "utf8")) as any;
    object.spec.successfulJobsHistoryLimit = 100;
    const [{ env }] = object.spec.jobTargetRef.template.spec.containers;
    const variable = (name: string) => env.find((each: { name: string }) => each.name === name);
    variable("REDIS_ADDRESS").value = redis.address;
    variable("DURATION").value = String(meetingSeconds);
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

  /** Resolves when the list is empty and no job is active. @returns what was seen on the way. */
  async function untilAllHaveEnded(): Promise<Sample[]> {
    const samples: Sample[] = [];
    const started = performance.now();
    await stage.until("all entries are taken, and no job is left", async () => {
      const now = await sample((performance.now() - started) / 1000);
      samples.push(now);
      return now.waiting + now.jobs + now.running + now.pending === 0;
    });
    return samples;
  }

  /** The entries with that prefix, by the logs and states of the pods that took them. */
  async function meetings(prefix: string): Promise<Meeting[]> {
    const pods = await kubectl.list("pods", `scaledjob.keda.sh/name=${scaledJob}`);
    const all: Meeting[] = [];
    for (const { metadata, status } of pods) {
      const log = await kubectl.run(["logs", metadata.name]);
      const [, entry = "", device = ""] = /^working on (\S+): .* to (\S+) for/m.exec(log) ?? [];
      const { exitCode, startedAt, finishedAt } = status.containerStatuses[0].state.terminated;
      const [begin, end] = [Date.parse(startedAt), Date.parse(finishedAt)];
      all.push({ entry, device, exitCode, begin, end });
    }
    return all.filter(({ entry }) => entry.startsWith(prefix));
  }

  /** All entries were played to their end, each once, and on no device two at a time. */
  async function allWerePlayed(entries: readonly string[]): Promise<Meeting[]> {
    const played = await meetings((entries[0] ?? "").replace(/\d+$/, ""));
    expect(played.map(({ entry }) => entry).toSorted()).toEqual(entries.toSorted());
    for (const { exitCode, begin, end } of played) {
      expect(exitCode).toBe(0);
      // Times have no fractions of a second, and the last of the frames, of which there is one a second, comes before the end.
      expect(end - begin).toBeGreaterThanOrEqual((meetingSeconds - 2) * 1000);
    }
    const overlaps = played.filter((one) =>
      played.some((other) => other !== one && other.device === one.device && doOverlap(one, other)),
    );
    expect(overlaps).toEqual([]);
    return played;
  }
});

/** What a job did. Times are of its container, in ms since the epoch, without fractions of a second. */
interface Meeting {
  /** Empty if the job found none. */
  readonly entry: string;
  readonly device: string;
  readonly exitCode: number;
  readonly begin: number;
  readonly end: number;
}

const doOverlap = (one: Meeting, other: Meeting) => one.begin < other.end && other.begin < one.end;

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
