import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { accepts, KubeletFixture, rejection } from "../../test/support/kubelet-fixture.ts";
import { decodeCheckpoint } from "./checkpoint.ts";

test("a killed kubelet leaves sockets that refuse connections", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  await kubelet.start();
  expect(await accepts(kubelet.socket)).toBe(true);
  expect(await accepts(kubelet.podResourcesSocket)).toBe(true);
  kubelet.stop();
  expect(existsSync(kubelet.socket)).toBe(true);
  expect(await accepts(kubelet.socket)).toBe(false);
  expect(await accepts(kubelet.podResourcesSocket)).toBe(false);
  await kubelet.start();
  expect(await accepts(kubelet.socket)).toBe(true);
});

test("a stop can remove the sockets, and leaves no other file behind", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  await kubelet.start();
  kubelet.stop({ removeSockets: true });
  expect(readdirSync(fixture.base).sort()).toEqual(["device-plugins", "pod-resources"]);
  expect(readdirSync(fixture.pluginDirectory)).toEqual([]);
});

test("a stop breaks the plugin's stream at once", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  fixture.kubelet.stop();
  await eventually(() => plugin.streams === 0, "the stream's end");
  expect(fixture.kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
});

test.each([
  ["1.32", ["dir", "dangling", "kubelet.sock", "kubelet_internal_checkpoint"]],
  ["1.33", ["dir", "dangling", "file", "kubelet.sock", "kubelet_internal_checkpoint"]],
] as const)("a starting %s cleans its directory as that version does", async (version, left) => {
  using fixture = new KubeletFixture(version);
  await fixture.ready();
  fixture.kubelet.stop();
  writeFileSync(join(fixture.pluginDirectory, "file"), "");
  symlinkSync("fake.sock", join(fixture.pluginDirectory, "link"));
  symlinkSync("nowhere", join(fixture.pluginDirectory, "dangling"));
  mkdirSync(join(fixture.pluginDirectory, "dir"));
  // The directory's order decides if a link comes before its target, in Go as well.
  await fixture.kubelet.start();
  const names = readdirSync(fixture.pluginDirectory).filter((name) => name !== "link");
  expect(names.sort()).toEqual(left.toSorted());
});

test("every list is checkpointed, and a restarted kubelet knows the resource with no devices", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const plugin = await fixture.ready();
  expect(kubelet.manager.checkpointWrites).toBe(1);
  plugin.setHealth("video11", "Unhealthy");
  await fixture.allocatable(2);
  expect(kubelet.manager.checkpointWrites).toBe(2);

  const path = join(fixture.pluginDirectory, "kubelet_internal_checkpoint");
  expect(decodeCheckpoint(readFileSync(path, "utf8"))).toEqual({
    PodDeviceEntries: null,
    RegisteredDevices: { "meeting-baas.io/video-devices": ["video10", "video12"] },
  });

  await kubelet.restart();
  expect(kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
  expect(kubelet.manager.isDevicePluginResource("meeting-baas.io/video-devices")).toBe(true);
});

test("a kubelet starts without a damaged checkpoint", async () => {
  using fixture = new KubeletFixture();
  await fixture.ready();
  fixture.kubelet.stop();
  writeFileSync(join(fixture.pluginDirectory, "kubelet_internal_checkpoint"), "{}");
  await fixture.kubelet.start();
  expect(fixture.kubelet.manager.isDevicePluginResource("meeting-baas.io/video-devices")).toBe(
    false,
  );
});

test("a restart leaves running pods, their containers and their devices alone", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const plugin = await fixture.ready();
  const pod = await fixture.runPod("a", 2);
  const held = kubelet.allocations();
  await kubelet.restart();
  await kubelet.until(() => kubelet.manager.sourcesReady);
  expect(kubelet.pod("a")).toEqual(pod);
  expect(kubelet.allocations()).toEqual(held);

  plugin.kill();
  await plugin.start();
  await fixture.allocatable(3);
  expect((await fixture.runPod("b")).phase).toBe("Running");
  expect(new Set(Object.values(kubelet.allocations()).flat()).size).toBe(3);
  expect(plugin.callsOf("Allocate")).toHaveLength(2);
});

test("with the regression of 1.26.5 a restart fails running pods", async () => {
  using fixture = new KubeletFixture("1.26", { runningContainersReadmitted: false });
  const { kubelet } = fixture;
  await fixture.ready();
  await fixture.runPod("a");
  await kubelet.restart();
  await kubelet.until(() => kubelet.pod("a")?.phase === "Failed");
  expect(kubelet.pod("a")?.message).toContain("no healthy devices present");
});

test.each([
  ["1.35", "Failed"],
  ["1.36", "Running"],
] as const)("%s may mistake a container's dead predecessor for it: %s", async (version, phase) => {
  // Always the oldest candidate: shuffled by equal ranks, the order stays.
  using fixture = new KubeletFixture(version, {}, { random: () => 0 });
  const { kubelet } = fixture;
  await fixture.ready();
  await fixture.runPod("a");
  await kubelet.restartContainer("a");
  await kubelet.restart();
  await kubelet.until(() => kubelet.manager.sourcesReady);
  expect(kubelet.pod("a")?.phase).toBe(phase);
});

test("after a reboot a pod fails if its plugin has not registered yet", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  await fixture.ready();
  await fixture.runPod("a");
  await kubelet.reboot();
  await kubelet.until(() => kubelet.pod("a")?.phase === "Failed");
  expect(kubelet.pod("a")).toMatchObject({
    reason: "UnexpectedAdmissionError",
    message:
      "Pod was rejected: Allocate failed due to no healthy devices present; " +
      "cannot allocate unhealthy devices meeting-baas.io/video-devices, which is unexpected",
  });
});

test("after a reboot Allocate is not called again if the plugin registers in time", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const plugin = await fixture.ready();
  const before = await fixture.runPod("a");
  await kubelet.reboot({
    podsAfter: async () => {
      plugin.kill();
      await plugin.start();
      await fixture.allocatable(3);
    },
  });
  await kubelet.until(() => kubelet.pod("a")?.containers[0]?.state === "running");
  expect(kubelet.pod("a")?.containers[0]?.containerId).not.toBe(before.containers[0]?.containerId);
  expect(kubelet.pod("a")?.containers[0]?.settings).toEqual(
    before.containers[0]?.settings as never,
  );
  expect(plugin.callsOf("Allocate")).toHaveLength(1);
});

test("after a reboot a pod fails if its device is unhealthy", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const plugin = await fixture.ready();
  await fixture.runPod("a");
  const [id = ""] = kubelet.allocations()["a"] ?? [];
  await kubelet.reboot({
    podsAfter: async () => {
      plugin.kill();
      plugin.setHealth(id, "Unhealthy");
      await plugin.start();
      await fixture.allocatable(2);
    },
  });
  await kubelet.until(() => kubelet.pod("a")?.phase === "Failed");
  expect(kubelet.pod("a")?.message).toContain("previously allocated devices are no longer healthy");
});

test("a pod added while the kubelet was down is admitted when it starts", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  await fixture.ready();
  kubelet.stop();
  expect((await kubelet.addPod({ name: "a", containers: [{ name: "app" }] })).phase).toBe(
    "Pending",
  );
  await kubelet.start();
  await kubelet.until(() => kubelet.pod("a")?.phase === "Running");
});

test("ten quick restarts leave one kubelet that registers", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  for (let round = 0; round < 10; round += 1) await fixture.kubelet.restart();
  const plugin = fixture.plugin();
  await plugin.start();
  await fixture.allocatable(3);
});

test("events come in order, with times that never go back", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const seen: string[] = [];
  const times: number[] = [];
  kubelet.events.listen((event) => {
    seen.push(event.type);
    times.push(event.atMs);
  });
  await fixture.ready();
  await fixture.runPod("a");
  kubelet.removePod("a");
  kubelet.stop();
  expect(seen).toEqual([
    "kubelet_started",
    "sources_ready",
    "register_received",
    "registered",
    "list_received",
    "allocated",
    "pod_admitted",
    "container_started",
    "pod_running",
    "pod_removed",
    "kubelet_stopped",
  ]);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("a wait that times out names its condition", async () => {
  using fixture = new KubeletFixture();
  expect(String(await rejection(fixture.kubelet.until(() => false, 10, "a miracle")))).toContain(
    "a miracle: not within 10 ms",
  );
});
