import { describe, expect, test } from "bun:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { WallClock } from "../common/wall-clock.ts";
import { LogLevel, Picture, Signal, Use, Work } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { buildStatus, type PoolStatusSources, type StatusSources } from "./build-status.ts";

/** The program's clock stands at 2500. */
function wallClock(wall: () => number): WallClock {
  return new WallClock({ now: () => 2500 }, wall);
}

const device = {
  id: "video10",
  number: 10,
  nodes: [{ hostPath: "/dev/video10" }],
  cleaning: "reset",
  fix: "none",
  health: "Healthy",
  reason: "ok",
  detail: "",
  since: 1000,
  format: "YUYV 640x480 30 fps",
} as const;

const pool: PoolStatusSources = {
  name: "default",
  resourceName: "a.b/c",
  driver: "v4l2loopback",
  devices: () => [device, { ...device, id: "video11", number: 11, format: "" }],
  activity: () => [
    { id: "video10", use: "in_use", cleanliness: "dirty", resets: 2, repairs: 1, work: "reset" },
  ],
  relay: () => undefined,
  registration: () => ({
    registered: true,
    reason: "registered",
    since: 700,
    socketPath: "/dp/a.sock",
    streams: 1,
  }),
  registrationDetail: () => "",
  devicesDetail: () => "",
  podResources: {
    owners: () => new Map([["video10", { namespace: "n", pod: "p", container: "c" }]]),
    status: () => ({ answers: true, error: "", at: 2000 }),
  },
  otherOffers: () => [{ resourceName: "example.com/other", deviceIds: ["video11"] }],
};

const sources: StatusSources = {
  version: "1.2.3",
  nodeName: "node-a",
  startedAt: 500,
  wall: wallClock(() => 2500),
  cordons: () => new Map([["video11", { device: "video11", note: "dark", since: 2000 }]]),
  events: () => [{ at: 600, level: "warn", msg: "Something", fields: { device_id: "video10" } }],
  logLevel: () => "debug",
  pools: [pool],
};

/** The status of one pool. */
const statusOf = (more: Partial<PoolStatusSources>) =>
  buildStatus({ ...sources, pools: [{ ...pool, ...more }] });

test("a status has the facts of all its sources", () => {
  const status = buildStatus(sources);
  expect(status).toMatchObject({
    observedAt: { seconds: 2n, nanos: 500_000_000 },
    startedAt: { seconds: 0n, nanos: 500_000_000 },
    logLevel: LogLevel.DEBUG,
    kubelet: { registered: true, podResourcesAnswers: true, podResourcesError: "" },
    otherOffers: [{ resourceName: "example.com/other", deviceIds: ["video11"] }],
    events: [{ level: LogLevel.WARN, message: "Something", fields: { device_id: "video10" } }],
  });
  expect(status.devices[0]).toMatchObject({
    path: "/dev/video10",
    use: Use.IN_USE,
    owner: { namespace: "n", pod: "p", container: "c" },
    clean: false,
    resets: 2,
    repairs: 1,
    format: "YUYV 640x480 30 fps",
    work: Work.RESET,
  });
  expect(status.devices[0]?.cordon).toBeUndefined();
});

test.each([
  ["present", Signal.PRESENT],
  ["missing", Signal.MISSING],
  [undefined, Signal.UNSPECIFIED],
] as const)("the signal of a capture card is %s", (signal, shown) => {
  const [device] = pool.devices();
  if (device === undefined) throw new Error("no device");
  const devices = () => [{ ...device, ...(signal && { signal }) }];
  expect(statusOf({ devices }).devices[0]?.signal).toBe(shown);
});

test("the owner of a shared device is that of its lowest replica", () => {
  const owner = (pod: string) => ({ namespace: "n", pod, container: "c" });
  const owners = () =>
    new Map([
      ["video10::1", owner("b")],
      ["video10::0", owner("a")],
      ["video11::1", owner("c")],
    ]);
  const podResources = { owners, status: () => ({ answers: true, error: "", at: 0 }) };
  const status = statusOf({ podResources });
  expect(status.devices[0]?.owner?.pod).toBe("a");
});

test("an owner has the time since when it has owned the device, and whether that is exact", () => {
  const statusWith = (ownership: { since: number; exact: boolean } | undefined) => {
    const [activity] = pool.activity();
    if (activity === undefined) throw new Error("no activity");
    return statusOf({ activity: () => [{ ...activity, ownership }] }).devices[0]?.owner;
  };
  const since = { seconds: 1n, nanos: 500_000_000 };
  expect(statusWith({ since: 1500, exact: true })).toMatchObject({ since, sinceIsExact: true });
  expect(statusWith({ since: 1500, exact: false })).toMatchObject({ since, sinceIsExact: false });
  expect(statusWith(undefined)?.since).toBeUndefined();
});

test("unknown facts about a device stay unset", () => {
  const [, other] = buildStatus(sources).devices;
  expect(other).toMatchObject({ use: Use.UNSPECIFIED, clean: false, cordon: { note: "dark" } });
  expect(other?.work).toBe(Work.UNSPECIFIED);
  expect(other?.owner).toBeUndefined();
});

test("a status has the error of a kubelet that can't be asked", () => {
  const status = () => ({ answers: false, error: "no such socket", at: 2000 });
  const podResources = { ...pool.podResources, status };
  const { kubelet } = statusOf({ podResources });
  expect(kubelet).toMatchObject({
    podResourcesAnswers: false,
    podResourcesError: "no such socket",
  });
});

test("all times follow a wall clock that was set", () => {
  const hour = 3_600_000;
  const status = buildStatus({ ...sources, wall: wallClock(() => 2500 + hour) });
  const ms = (time: Parameters<typeof timestampMs>[0] | undefined) => time && timestampMs(time);
  expect(ms(status.observedAt)).toBe(hour + 2500);
  expect(ms(status.startedAt)).toBe(hour + 500);
  expect(ms(status.kubelet?.since)).toBe(hour + 700);
  expect(ms(status.devices[0]?.since)).toBe(hour + 1000);
  // Events were stamped by the wall clock, as the log was.
  expect(ms(status.events[0]?.time)).toBe(600);
});

test("a status has the reason and remedy of a failed registration", () => {
  const registrationDetail = () => "There is no /dp/kubelet.sock. Start the kubelet.";
  expect(statusOf({ registrationDetail }).kubelet?.detail).toBe(registrationDetail());
});

test("a status has the reason and remedy of devices that could not be set up", () => {
  const devicesDetail = () => "There is no v4l2loopback. Install it.";
  expect(statusOf({ devicesDetail }).devicesDetail).toBe(devicesDetail());
});

test("a ready camera has its feed, what it shows, and what the application does wrong", () => {
  const ready = (number: number) => ({
    ...{ ...device, id: `video${number}`, number },
    nodes: [
      { hostPath: `/dev/video${number}`, role: "camera" },
      { hostPath: `/dev/video${number + 128}`, role: "feed" },
    ] as const,
  });
  const frames = { applicationFrames: 1, placeholderFrames: 2, droppedFrames: 3 };
  const times = { relaySeconds: 0.1, maxRelaySeconds: 0.01 };
  const status = statusOf({
    devices: () => [ready(10), ready(11), ready(12)],
    relay: () => ({
      ...{ isRunning: true, restarts: 1, cpuSeconds: 2 },
      cameras: new Map([
        ["video10", { picture: "application", ...frames, ...times, problem: "" }],
        ["video11", { picture: "placeholder", ...frames, ...times, problem: "Too small." }],
      ]),
    }),
  });
  expect(status.relay).toMatchObject({ running: true, restarts: 1 });
  expect(status.devices.map(({ path }) => path)).toEqual([10, 11, 12].map((n) => `/dev/video${n}`));
  expect(status.devices.map(({ readyCamera }) => readyCamera)).toMatchObject([
    { feedPath: "/dev/video138", picture: Picture.APPLICATION, problem: "" },
    { feedPath: "/dev/video139", picture: Picture.PLACEHOLDER, problem: "Too small." },
    { feedPath: "/dev/video140", picture: Picture.UNSPECIFIED, problem: "" },
  ]);
});

test("a plain device is no ready camera", () => {
  const { relay, devices } = buildStatus(sources);
  expect([relay, devices[0]?.readyCamera]).toEqual([undefined, undefined]);
});

describe("the status of several pools", () => {
  const webcam = { ...device, id: "video20", number: 20 };
  const webcams: PoolStatusSources = {
    ...{ ...pool, name: "webcams", resourceName: "a.b/webcams", driver: "simulated" },
    devices: () => [webcam],
    activity: () => [],
    otherOffers: () => [],
  };
  const waiting = () => ({ ...pool.registration(), registered: false, reason: "kubelet_absent" });
  const both = (more: Partial<PoolStatusSources> = {}) =>
    buildStatus({ ...sources, pools: [pool, { ...webcams, ...more }] });

  test("has each of them, and the devices of all with the pool's name", () => {
    const status = both();
    expect(status.pools).toMatchObject([
      { name: "default", resourceName: "a.b/c", driver: "v4l2loopback" },
      { name: "webcams", resourceName: "a.b/webcams", driver: "simulated", otherOffers: [] },
    ]);
    expect(status.devices.map(({ id, pool: name }) => [name, id])).toEqual([
      ["default", "video10"],
      ["default", "video11"],
      ["webcams", "video20"],
    ]);
    expect(status.otherOffers).toHaveLength(1);
  });

  test("is the first one's where it has one field for all", () => {
    const status = both();
    expect(status).toMatchObject({ resourceName: "a.b/c", driver: "v4l2loopback" });
    expect(status.kubelet).toEqual(status.pools[0]?.kubelet);
    expect(status.relay).toBeUndefined();
  });

  test("has the trouble of any of them", () => {
    const registration = waiting as PoolStatusSources["registration"];
    expect(both({ registration }).kubelet?.reason).toBe("kubelet_absent");
    const status = () => ({ answers: false, error: "no such socket", at: 2000 });
    const podResources = { ...pool.podResources, status };
    expect(both({ podResources }).kubelet?.podResourcesError).toBe("no such socket");
    expect(both({ devicesDetail: () => "No module. Install it." }).devicesDetail).toBe(
      "webcams: No module. Install it.",
    );
    const relay = () => ({ isRunning: false, restarts: 2, cpuSeconds: 1, cameras: new Map() });
    expect(both({ relay }).relay).toMatchObject({ running: false, restarts: 2 });
  });
});
