import { describe, expect, test } from "bun:test";
import { FakeDriver, observation } from "../../test/support/fake-driver.ts";
import { makeDevices } from "../../test/support/make-devices.ts";
import { makeMetrics, metricsOf } from "../../test/support/make-metrics.ts";
import type { DeviceUse } from "../devices/usage/usage.ts";
import type { CameraRelay, RelayReport } from "../drivers/driver.ts";
import type { Owner } from "../pod-resources/device-owners.ts";
import type { MetricsSources, PoolSources } from "./metrics.ts";

const bot: Owner = { namespace: "bots", pod: "bot-1", container: "app" };

function setUp(sources: Partial<PoolSources & MetricsSources> = {}, devices = 2) {
  const driver = new FakeDriver(devices);
  const { inventory } = makeDevices({ driver });
  const metrics = makeMetrics({
    devices: () => inventory.list(),
    reasons: driver.reasons,
    activity: () => [
      { id: "video10", use: "in_use", cleanliness: "dirty", resets: 0, repairs: 0, work: "reset" },
      { id: "video11", use: "unknown", cleanliness: "clean", resets: 0, repairs: 0 },
    ],
    cordoned: (id) => id === "video11",
    retired: (id) => id === "video10",
    lagSeconds: () => 0.25,
    ...sources,
  });
  const lines = async () => (await metrics.render()).body.split("\n");
  return { inventory, metrics, lines };
}

/** Samples of one metric, without their common prefix. */
function samples(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line.startsWith(`video_device_plugin_${name}`))
    .map((line) => line.slice("video_device_plugin_".length));
}

/** Longer than a rendering is shown. */
const aWhile = () => Bun.sleep(250);

test("the number of expected devices is shown for pools that expect some", async () => {
  const metrics = metricsOf({
    "a.b/webcams": { expected: () => 2 },
    "a.b/bots": { expected: () => 0 },
  });
  const lines = (await metrics.render()).body.split("\n");
  expect(samples(lines, "expected_devices")).toEqual([
    'expected_devices{resource="a.b/webcams"} 2',
  ]);
  expect(samples(await setUp({ expected: () => 0 }).lines(), "expected_devices")).toEqual([]);
});

test("the signals of capture cards are shown for pools that ask for them, as far as they are known", async () => {
  const shown = async (signal: "present" | "missing", hasSignals = true) => {
    const { inventory } = setUp();
    const [first, ...others] = inventory.list();
    const devices = () => (first === undefined ? [] : [{ ...first, signal }, ...others]);
    return samples(await setUp({ hasSignals, devices }).lines(), "device_signal");
  };
  expect(await shown("present")).toEqual(['device_signal{device="video10"} 1']);
  expect(await shown("missing")).toEqual(['device_signal{device="video10"} 0']);
  expect(await shown("missing", false)).toEqual([]);
});

test("the state of the config file is shown where there is one", async () => {
  const configFile = () => ({ problems: 2, needsRestart: true });
  expect(samples(await setUp({ configFile }).lines(), "config_")).toEqual([
    ...["config_file_mistakes 2", "config_file_needs_restart 1"],
  ]);
  expect(samples(await setUp().lines(), "config_")).toEqual([]);
});

describe("the metric of owned devices without a stream", () => {
  const owned = { since: 0, exact: true };
  const idle = async (
    use: DeviceUse,
    ownership: typeof owned | undefined,
    { format = "", seesStreams = true } = {},
  ) => {
    const driver = new FakeDriver(1);
    const { inventory } = makeDevices({ driver });
    const metrics = makeMetrics({
      devices: () => inventory.list().map((device) => ({ ...device, format })),
      reasons: driver.reasons,
      seesStreams,
      activity: () => [
        { ...{ id: "video10", use, cleanliness: "dirty", resets: 0, repairs: 0 }, ownership },
      ],
    });
    return samples((await metrics.render()).body.split("\n"), "device_owned_idle{");
  };

  test("is 1 while a pod owns the device and no process streams to it", async () => {
    expect(await idle("in_use", owned)).toEqual(['device_owned_idle{device="video10"} 1']);
    expect(await idle("in_use", owned, { format: "YUYV 640x480 30 fps" })).toEqual([
      'device_owned_idle{device="video10"} 0',
    ]);
  });

  test("is absent for a device of a pod if the driver can't see streams", async () => {
    expect(await idle("in_use", owned, { seesStreams: false })).toEqual([]);
    expect(await idle("free", undefined, { seesStreams: false })).toEqual([
      'device_owned_idle{device="video10"} 0',
    ]);
  });

  test("is 0 for a device of no pod, and absent while that is unknown", async () => {
    expect(await idle("free", undefined)).toEqual(['device_owned_idle{device="video10"} 0']);
    expect(await idle("in_use", undefined)).toEqual(['device_owned_idle{device="video10"} 0']);
    expect(await idle("unknown", undefined)).toEqual([]);
  });
});

describe("the metrics of ready cameras", () => {
  const camera: CameraRelay = {
    picture: "application",
    ...{ applicationFrames: 30, placeholderFrames: 5, droppedFrames: 2 },
    ...{ relaySeconds: 0.06, maxRelaySeconds: 0.004, problem: "" },
  };
  const report = (cameras: Record<string, CameraRelay>, more: Partial<RelayReport> = {}) => ({
    ...{ isRunning: true, restarts: 0, cpuSeconds: 1.5, ...more },
    cameras: new Map(Object.entries(cameras)),
  });
  const readyCameras = ["video10", "video11"];

  test("are absent without ready cameras", async () => {
    expect(samples(await setUp().lines(), "relay_")).toEqual([]);
  });

  test("are what the relay reports", async () => {
    const relay = () => report({ video10: camera });
    const lines = await setUp({ readyCameras, relay }).lines();
    expect(samples(lines, "relay_running")).toEqual(["relay_running 1"]);
    expect(samples(lines, "relay_cpu_seconds_total")).toEqual(["relay_cpu_seconds_total 1.5"]);
    expect(samples(lines, "relay_frames_total")).toEqual([
      'relay_frames_total{device="video10",kind="application"} 30',
      'relay_frames_total{device="video10",kind="placeholder"} 5',
      'relay_frames_total{device="video10",kind="dropped"} 2',
      'relay_frames_total{device="video11",kind="application"} 0',
      'relay_frames_total{device="video11",kind="placeholder"} 0',
      'relay_frames_total{device="video11",kind="dropped"} 0',
    ]);
    expect(samples(lines, "camera_shows_application")).toEqual([
      'camera_shows_application{device="video10"} 1',
    ]);
  });

  test("never fall while a camera isn't relayed, and grow again after that", async () => {
    let cameras: Record<string, CameraRelay> = { video10: camera };
    const { lines } = setUp({ readyCameras, relay: () => report(cameras) });
    const frames = async () => {
      await aWhile();
      return samples(await lines(), 'relay_frames_total{device="video10",kind="application"}')[0];
    };
    expect(await frames()).toEndWith(" 30");
    cameras = {};
    expect(await frames()).toEndWith(" 30");
    cameras = { video10: { ...camera, applicationFrames: 40 } };
    expect(await frames()).toEndWith(" 40");
    // As of a device that the driver has created again.
    cameras = { video10: { ...camera, applicationFrames: 3 } };
    expect(await frames()).toEndWith(" 43");
  });

  test("say that the relay doesn't run, and nothing on a standby", async () => {
    const down = setUp({ readyCameras, relay: () => report({}, { isRunning: false }) });
    expect(samples(await down.lines(), "relay_running")).toEqual(["relay_running 0"]);
    const standby = setUp({ readyCameras, relay: () => undefined });
    expect(samples(await standby.lines(), "relay_running")).toEqual([]);
  });

  test("count a ready camera that shows the placeholder as owned and idle", async () => {
    const idle = async (picture: CameraRelay["picture"]) => {
      const relay = () => report({ video10: { ...camera, picture } });
      const activity: PoolSources["activity"] = () => [
        {
          ...{ id: "video10", use: "in_use", cleanliness: "dirty", resets: 0, repairs: 0 },
          ownership: { since: 0, exact: true },
        },
      ];
      const lines = await setUp({ readyCameras, relay, activity }).lines();
      return samples(lines, "device_owned_idle{");
    };
    expect(await idle("placeholder")).toEqual(['device_owned_idle{device="video10"} 1']);
    expect(await idle("application")).toEqual(['device_owned_idle{device="video10"} 0']);
  });
});

describe("metrics", () => {
  test("that count events begin at 0, so that rates are right from the first event on", async () => {
    const lines = await setUp().lines();
    for (const id of ["video10", "video11"]) {
      for (const result of ["ok", "busy", "failed"]) {
        expect(samples(lines, "resets_total")).toContain(
          `resets_total{device="${id}",result="${result}"} 0`,
        );
        expect(samples(lines, "repairs_total")).toContain(
          `repairs_total{device="${id}",result="${result}"} 0`,
        );
      }
    }
    expect(samples(lines, "allocations_refused_total")).toContain(
      'allocations_refused_total{code="unavailable"} 0',
    );
    expect(samples(lines, "pod_resources_errors_total")).toEqual(
      ["List", "GetAllocatableResources"].flatMap((method) =>
        ["absent", "busy", "too_large", "failed"].map(
          (reason) => `pod_resources_errors_total{method="${method}",reason="${reason}"} 0`,
        ),
      ),
    );
    expect(samples(lines, "registrations_total")).toEqual([
      'registrations_total{result="accepted"} 0',
      'registrations_total{result="failed"} 0',
    ]);
    expect(samples(lines, "registrations_ended_total")).toContain(
      'registrations_ended_total{reason="stream_ended"} 0',
    );
    expect(samples(lines, "allocated_devices_total")).toEqual(["allocated_devices_total 0"]);
  });

  test("count events", async () => {
    const { metrics, lines } = setUp();
    const [pool] = metrics.pools;
    pool?.allocated(2, 0.2);
    pool?.allocationRefused("failed_precondition");
    pool?.registered();
    pool?.registerFailed();
    pool?.ended("stream_ended");
    pool?.inspected(1);
    metrics.actorStarted("audit");
    metrics.actorRestarted("monitor");
    pool?.podResourcesFailed("List", "busy");
    pool?.maintained("video10", "reset", "ok", 60);
    pool?.maintained("video10", "reset", "busy", 1);
    pool?.maintained("video10", "repair", "busy", 1);
    const seen = await lines();
    for (const line of [
      "allocated_devices_total 2",
      "allocate_duration_seconds_count 1",
      'allocations_refused_total{code="failed_precondition"} 1',
      'registrations_total{result="accepted"} 1',
      'registrations_total{result="failed"} 1',
      'registrations_ended_total{reason="stream_ended"} 1',
      "inspection_duration_seconds_count 1",
      'actor_restarts_total{actor="audit"} 0',
      'actor_restarts_total{actor="monitor"} 1',
      'pod_resources_errors_total{method="List",reason="busy"} 1',
      'resets_total{device="video10",result="ok"} 1',
      'resets_total{device="video10",result="busy"} 1',
      'repairs_total{device="video10",result="busy"} 1',
      'reset_duration_seconds_bucket{le="0.1"} 1',
      "reset_duration_seconds_count 1",
    ]) {
      expect(seen).toContain(`video_device_plugin_${line}`);
    }
    const [last] = samples(seen, "last_inspection_timestamp_seconds");
    expect(Date.now() / 1000 - Number(last?.split(" ")[1])).toBeLessThan(60);
  });

  test("show the number of devices for every state", async () => {
    const { inventory, lines } = setUp();
    inventory.observe([observation("video10", "ok")]);
    const states = samples(await lines(), "devices{");
    expect(states).toContain('devices{state="ok"} 1');
    expect(states).toContain('devices{state="unknown"} 1');
    expect(states).toContain('devices{state="cordoned"} 0');
    expect(states.filter((line) => line.endsWith(" 0")).length).toBe(states.length - 2);
  });

  test("show each device's health, cleanliness, reset, cordon and retirement", async () => {
    const { inventory, lines } = setUp();
    inventory.observe([observation("video10", "ok")]);
    const seen = await lines();
    for (const [name, first, second] of [
      ["device_healthy", 1, 0],
      ["device_clean", 0, 1],
      ["device_resetting", 1, 0],
      ["device_cordoned", 0, 1],
      ["device_retired", 1, 0],
    ]) {
      expect(samples(seen, `${name}{`)).toEqual([
        `${name}{device="video10"} ${first}`,
        `${name}{device="video11"} ${second}`,
      ]);
    }
  });

  test("show whether a device is in use, and nothing while that is unknown", async () => {
    const uses: DeviceUse[] = ["in_use", "unknown"];
    const { lines } = setUp({
      activity: () =>
        uses.map((use, n) => ({
          ...{ id: `video1${n}`, use, cleanliness: "dirty", resets: 0, repairs: 0 },
        })),
    });
    expect(samples(await lines(), "device_in_use{")).toEqual(['device_in_use{device="video10"} 1']);
    uses.splice(0, 2, "unknown", "free");
    await aWhile();
    expect(samples(await lines(), "device_in_use{")).toEqual(['device_in_use{device="video11"} 0']);
  });

  test("name each owner of a shared device", async () => {
    const owners = () =>
      new Map([
        ["video10::0", bot],
        ["video10::1", { ...bot, pod: "bot-2" }],
      ]);
    expect(samples(await setUp({ owners }).lines(), "device_owner_info")).toEqual([
      'device_owner_info{device="video10",namespace="bots",pod="bot-1",container="app"} 1',
      'device_owner_info{device="video10",namespace="bots",pod="bot-2",container="app"} 1',
    ]);
  });

  test("name a device's owner while it has one", async () => {
    let owners = new Map([["video10", bot]]);
    const { lines } = setUp({ owners: () => owners });
    expect(samples(await lines(), "device_owner_info")).toEqual([
      'device_owner_info{device="video10",namespace="bots",pod="bot-1",container="app"} 1',
    ]);
    owners = new Map([["video11", { ...bot, pod: "bot-2" }]]);
    await aWhile();
    expect(samples(await lines(), "device_owner_info")).toEqual([
      'device_owner_info{device="video11",namespace="bots",pod="bot-2",container="app"} 1',
    ]);
  });

  test("name no owner if METRICS_OWNERS is false", async () => {
    const lines = await setUp({ owners: undefined }).lines();
    expect(lines.filter((line) => line.includes("owner"))).toEqual([]);
  });

  test("have the process metrics of every client", async () => {
    const lines = await setUp().lines();
    const value = (name: string) =>
      Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(value("process_start_time_seconds")).toBeCloseTo(Date.now() / 1000, -3);
    expect(value("process_open_fds")).toBeGreaterThan(3);
    expect(value("process_max_fds")).toBeGreaterThanOrEqual(value("process_open_fds"));
  });

  test("are rendered once for simultaneous scrapes, and again soon after", async () => {
    let looks = 0;
    const { metrics } = setUp({
      owners: () => {
        looks += 1;
        return new Map();
      },
    });
    await Promise.all(Array.from({ length: 100 }, () => metrics.render()));
    expect(looks).toBe(1);
    await aWhile();
    await metrics.render();
    expect(looks).toBe(2);
  });
});

describe("the metrics of several pools", () => {
  const pool = (first: number) => {
    const driver = new FakeDriver(1, first);
    const { inventory } = makeDevices({ driver });
    inventory.observe([observation(`video${first}`, "ok")]);
    const owners = () => new Map([[`video${first}`, bot]]);
    return { devices: () => inventory.list(), reasons: driver.reasons, owners };
  };
  const [bots, webcams] = ["example.com/bots", "example.com/webcams"];
  const pools = { [bots]: pool(10), [webcams]: { ...pool(20), registered: () => false } };

  test("have the resource name as a label, and the process's have none", async () => {
    const metrics = metricsOf(pools);
    const [, second] = metrics.pools;
    second?.allocated(1, 0.2);
    second?.maintained("video20", "reset", "ok", 60);
    second?.actorRestarted("monitor");
    metrics.actorStarted("http");
    second?.podResourcesFailed("List", "absent");
    const lines = (await metrics.render()).body.split("\n");
    for (const [name, samplesOfIt] of Object.entries({
      registered: [`{resource="${bots}"} 1`, `{resource="${webcams}"} 0`],
      "device_healthy{": [
        `resource="${bots}",device="video10"} 1`,
        `resource="${webcams}",device="video20"} 1`,
      ],
      'devices{resource="example.com/webcams",state="ok"}': [" 1"],
      allocated_devices_total: [`{resource="${bots}"} 0`, `{resource="${webcams}"} 1`],
      allocate_duration_seconds_count: [`{resource="${bots}"} 0`, `{resource="${webcams}"} 1`],
      'resets_total{resource="example.com/webcams",device="video20",result="ok"}': [" 1"],
      actor_restarts_total: [`{actor="http"} 0`, `{resource="${webcams}",actor="monitor"} 1`],
      'pod_resources_errors_total{method="List",reason="absent"}': [" 1"],
      "standby ": ["0"],
    })) {
      const found = samples(lines, name).map((line) => line.slice(name.length));
      expect({ name, found: found.toSorted() }).toEqual({ name, found: samplesOfIt.toSorted() });
    }
    expect(samples(lines, "device_owner_info{").map((line) => line.split(",")[0])).toEqual([
      `device_owner_info{resource="${bots}"`,
      `device_owner_info{resource="${webcams}"`,
    ]);
  });

  test("have no series of a device that is not the pool's", async () => {
    const { body } = await metricsOf(pools).render();
    expect(body).not.toContain(`resource="${bots}",device="video20"`);
  });
});
