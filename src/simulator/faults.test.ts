import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { accepts, KubeletFixture, rejection } from "../../test/support/kubelet-fixture.ts";

test("Register can go unanswered", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.holdRegister = true;
  await fixture.kubelet.start();
  const plugin = fixture.plugin();
  await plugin.serve();
  expect(await rejection(plugin.register({ timeoutMs: 50 }))).toMatchObject({ code: 4 });
  expect(plugin.calls).toEqual([]);
});

test("an unanswered Register ends with the kubelet", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.holdRegister = true;
  await fixture.kubelet.start();
  const refused = fixture.plugin().register();
  fixture.kubelet.events.listen(({ type }) => {
    if (type === "register_received") setTimeout(() => fixture.kubelet.stop());
  });
  await rejection(refused);
});

test("Register can be rejected", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.refuseRegister = "not today";
  await fixture.kubelet.start();
  expect(await rejection(fixture.plugin().register())).toMatchObject({ rawMessage: "not today" });
});

test("the dial-back can be delayed", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.dialDelayMs = 100;
  const started = performance.now();
  await fixture.ready();
  expect(performance.now() - started).toBeGreaterThan(95);
});

test("the kubelet can leave ListAndWatch out", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.omitListAndWatch = true;
  await fixture.kubelet.start();
  const plugin = fixture.plugin();
  await plugin.start();
  await Bun.sleep(30);
  expect(plugin.calls.map(({ method }) => method)).toEqual(["GetDevicePluginOptions"]);
});

test("the kubelet can open further connections and streams", async () => {
  using fixture = new KubeletFixture();
  fixture.kubelet.faults.extraConnections = 2;
  fixture.kubelet.faults.extraStreams = 1;
  const plugin = await fixture.ready();
  expect(plugin.callsOf("GetDevicePluginOptions")).toHaveLength(3);
  expect(plugin.streams).toBe(2);
  expect(fixture.kubelet.streams).toMatchObject([{ endpoint: "fake.sock", count: 2 }]);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
});

test("a kubelet can drop its streams and keep running", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  fixture.kubelet.dropStreams();
  await fixture.allocatable(0);
  await plugin.register();
  await fixture.allocatable(3);
});

test("messages of the plugin back up while the kubelet doesn't read", async () => {
  using fixture = new KubeletFixture();
  const { kubelet } = fixture;
  const plugin = await fixture.ready();
  kubelet.pauseStreams();
  const many = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, index) => [`video${index}`, "Healthy"] as const),
  );
  for (let round = 0; round < 200; round += 1) {
    plugin.list(many);
    await Bun.sleep(0);
  }
  expect(plugin.sent).toBeLessThan(150);
  expect(kubelet.resources().capacity).toBe(3);
  kubelet.pauseStreams(false);
  await fixture.allocatable(2_000);
});

test("a zombie's stream is open and its lists arrive, but Allocate fails", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  fixture.kubelet.makeZombie();
  expect(plugin.streams).toBe(1);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 3, allocatable: 0 });
  plugin.setHealth("video10", "Unhealthy");
  await fixture.allocatable(2);
  const pod = await fixture.runPod("a");
  expect(pod.message).toContain("has been stopped");
  fixture.clock.forward(6 * 60_000);
  expect(fixture.kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
  expect(plugin.streams).toBe(1);
});

test.each(["same", "new"] as const)(
  "kubelet.sock can be replaced with the %s inode",
  async (inode) => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready();
    const before = statSync(kubelet.socket);
    await Bun.sleep(20);
    await kubelet.recreateSocket(inode);
    const after = statSync(kubelet.socket);
    expect(after.ino === before.ino).toBe(inode === "same");
    expect(after.ctimeMs).toBeGreaterThan(before.ctimeMs);
    expect(await accepts(kubelet.socket)).toBe(true);
    expect(plugin.streams).toBe(1);
    kubelet.stop();
    expect(await accepts(kubelet.socket)).toBe(false);
  },
);
