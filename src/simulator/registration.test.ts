import { expect, test } from "bun:test";
import { eventually } from "../../test/support/eventually.ts";
import { KubeletFixture, rejection } from "../../test/support/kubelet-fixture.ts";
import { endpointStopGracePeriodMs } from "./device-manager.ts";

test("the kubelet dials the plugin back, then reads its options and its list", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  const methods = plugin.calls.map(({ method }) => method);
  expect(methods).toEqual(["GetDevicePluginOptions", "ListAndWatch"]);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
});

test("another version of the API is rejected", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const plugin = fixture.plugin();
  await plugin.serve();
  expect(await rejection(plugin.register({ version: "v1" }))).toMatchObject({
    code: 2,
    rawMessage:
      'requested API version "v1" is not supported by kubelet. Supported version is ["v1beta1"]',
  });
});

test("an invalid resource name is rejected", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const plugin = fixture.plugin();
  await plugin.serve();
  expect(await rejection(plugin.register({ resourceName: "video-devices" }))).toMatchObject({
    rawMessage: 'the ResourceName "video-devices" is invalid',
  });
});

test("a plugin that does not serve fails after the dial timeout", async () => {
  using fixture = new KubeletFixture("1.33", {}, { dialTimeoutMs: 200 });
  await fixture.kubelet.start();
  const started = performance.now();
  expect(await rejection(fixture.plugin().register())).toMatchObject({
    rawMessage: "failed to dial device plugin: context deadline exceeded",
  });
  expect(performance.now() - started).toBeGreaterThan(190);
});

test("a plugin that begins to serve before the dial timeout registers", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const plugin = fixture.plugin();
  const done = plugin.register();
  await Bun.sleep(50);
  await plugin.serve();
  await done;
  await fixture.allocatable(3);
});

test("an error of GetDevicePluginOptions ends the registration; ListAndWatch is not called", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const plugin = fixture.plugin("fake.sock", { optionsError: "no options" });
  expect(await rejection(plugin.start())).toMatchObject({
    rawMessage: "failed to get device plugin options: rpc error: code = Internal desc = no options",
  });
  expect(plugin.callsOf("ListAndWatch")).toEqual([]);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
});

test("an error of ListAndWatch leaves a registration without devices, and no retry", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const plugin = fixture.plugin("fake.sock", { listError: "no list" });
  await plugin.start();
  await Bun.sleep(100);
  expect(plugin.callsOf("ListAndWatch")).toHaveLength(1);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
});

test("each list replaces the previous one", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  plugin.setHealth("video10", "Unhealthy");
  await fixture.allocatable(2);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 2 });
  expect(fixture.kubelet.devices()["video10"]).toBe("Unhealthy");
  plugin.list({ video10: "Healthy" });
  await fixture.allocatable(1);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 1, allocatable: 1 });
});

test("several resources live side by side", async () => {
  using fixture = new KubeletFixture();
  await fixture.ready();
  const other = fixture.plugin("other.sock", { resource: "example.com/other" }, ["a"]);
  await other.start();
  await fixture.kubelet.until(() => fixture.kubelet.resources("example.com/other").capacity === 1);
  other.kill();
  await fixture.kubelet.until(
    () => fixture.kubelet.resources("example.com/other").allocatable === 0,
  );
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
});

test("a stream's end makes all devices unhealthy, for five minutes, with no retry", async () => {
  using fixture = new KubeletFixture();
  const { kubelet, clock } = fixture;
  const plugin = await fixture.ready();
  plugin.kill();
  await fixture.allocatable(0);
  expect(kubelet.resources()).toEqual({ capacity: 3, allocatable: 0 });
  await plugin.serve();
  await Bun.sleep(50);
  expect(plugin.callsOf("ListAndWatch")).toHaveLength(1);
  clock.forward(endpointStopGracePeriodMs - 5_000);
  expect(kubelet.resources()).toEqual({ capacity: 3, allocatable: 0 });
  clock.forward(10_000);
  expect(kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
});

test("registering again within the five minutes keeps the capacity", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  plugin.kill();
  await fixture.allocatable(0);
  await plugin.start();
  await fixture.allocatable(3);
  fixture.clock.forward(endpointStopGracePeriodMs * 2);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
});

test("up to 1.36 an old stream's end disconnects the new client", async () => {
  using fixture = new KubeletFixture("1.36");
  const { kubelet } = fixture;
  const old = await fixture.ready();
  const next = fixture.plugin("next.sock");
  await next.start();
  await kubelet.until(() => kubelet.streams.length === 2);
  old.kill();
  await fixture.allocatable(0);
  await kubelet.until(() => kubelet.streams.length === 0);
  expect(kubelet.resources()).toEqual({ capacity: 3, allocatable: 0 });
  await eventually(() => next.streams === 0, "the end of the stream at the other side");
});

test("from 1.37 the other instance takes over", async () => {
  using fixture = new KubeletFixture("1.37");
  const { kubelet } = fixture;
  const old = await fixture.ready();
  const next = fixture.plugin("next.sock", {}, ["video20"]);
  await next.start();
  await kubelet.until(() => kubelet.streams.length === 2);
  next.kill();
  await kubelet.until(() => kubelet.streams.length === 1);
  // The last list that came counts, of whichever instance, until the other one sends its next (PluginDisconnected of 1.37).
  expect(kubelet.resources()).toEqual({ capacity: 1, allocatable: 1 });
  expect((await fixture.runPod("a")).phase).toBe("Running");
  expect(old.callsOf("Allocate")).toHaveLength(1);
});

test("up to 1.36 a failed registration leaves a stale resource behind", async () => {
  using fixture = new KubeletFixture("1.33", {}, { dialTimeoutMs: 500 });
  const { kubelet } = fixture;
  const old = await fixture.ready();
  expect(String(await rejection(fixture.plugin("absent.sock").register()))).toContain("dial");
  const ended = new Promise((resolve) =>
    kubelet.events.listen(({ type }) => type === "stream_ended" && resolve(undefined)),
  );
  old.kill();
  await ended;
  await Bun.sleep(10);
  expect(kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
  const pod = await fixture.runPod("a");
  expect(pod.phase).toBe("Failed");
  expect(pod.message).toContain("rpc error: code = Unavailable");
});

test.each([
  ["1.34", true],
  ["1.35", false],
] as const)(
  "%s registers a plugin that cancelled its Register call: %p",
  async (version, goesOn) => {
    using fixture = new KubeletFixture(version);
    const { kubelet } = fixture;
    await kubelet.start();
    kubelet.faults.dialDelayMs = 300;
    const plugin = fixture.plugin();
    await plugin.serve();
    const caller = new AbortController();
    let isOver = false;
    kubelet.events.listen(({ type }) => {
      if (type === "register_received") caller.abort();
      isOver ||= type === "registered" || type === "register_failed";
    });
    expect(await rejection(plugin.register({ signal: caller.signal }))).toMatchObject({ code: 1 });
    if (goesOn) return await fixture.allocatable(3);
    await kubelet.until(() => isOver);
    expect(kubelet.resources().allocatable).toBe(0);
  },
);
