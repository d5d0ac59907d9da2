import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { KubeletFixture } from "../../test/support/kubelet-fixture.ts";

const resource = "meeting-baas.io/video-devices";

describe("admission", () => {
  test("a pod gets its own devices, in random order, in one request", async () => {
    const ranks = [0.9, 0.1];
    using fixture = new KubeletFixture("1.33", {}, { random: () => ranks.shift() ?? 0.5 });
    const plugin = await fixture.ready();
    const pod = await fixture.runPod("a", 2);
    expect(pod.phase).toBe("Running");
    const [ids = []] = plugin.callsOf("Allocate");
    expect(ids).toHaveLength(2);
    expect(fixture.kubelet.allocations()["a"]).toEqual([...ids]);
    expect(pod.containers[0]?.settings.env["VIDEO_DEVICES"]).toBe(
      ids
        .toSorted()
        .map((id) => `/dev/${id}`)
        .join(","),
    );
    expect(pod.containers[0]?.settings.devices.map(({ permissions }) => permissions)).toEqual([
      "rw",
      "rw",
    ]);
  });

  test("IDs come in any order", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready();
    const orders = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      await fixture.runPod("a", 3);
      fixture.kubelet.removePod("a");
    }
    for (const ids of plugin.callsOf("Allocate")) orders.add(ids.join());
    expect(orders.size).toBeGreaterThan(1);
  });

  test("a request for too many devices fails with the number available", async () => {
    using fixture = new KubeletFixture();
    await fixture.ready();
    await fixture.runPod("a", 2);
    expect(await fixture.runPod("b", 2)).toMatchObject({
      phase: "Failed",
      reason: "UnexpectedAdmissionError",
      message:
        `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${resource}. ` +
        "Requested: 2, Available: 1, which is unexpected",
    });
    expect((await fixture.runPod("c")).phase).toBe("Running");
  });

  test("without a healthy device a pod fails", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready();
    plugin.kill();
    await fixture.allocatable(0);
    expect((await fixture.runPod("a")).message).toBe(
      "Pod was rejected: Allocate failed due to no healthy devices present; " +
        `cannot allocate unhealthy devices ${resource}, which is unexpected`,
    );
  });

  test("an error of Allocate fails the pod, and its devices stay free", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready();
    plugin.behaviour.onAllocate = () => {
      throw new Error("no such thing");
    };
    expect((await fixture.runPod("a", 3)).message).toBe(
      "Pod was rejected: Allocate failed due to rpc error: code = Unknown desc = no such thing, " +
        "which is unexpected",
    );
    plugin.behaviour.onAllocate = () => undefined;
    expect((await fixture.runPod("b", 3)).phase).toBe("Running");
  });

  test("a resource that was never registered is ignored", async () => {
    using fixture = new KubeletFixture();
    await fixture.kubelet.start();
    const pod = await fixture.runPod("a");
    expect(pod.phase).toBe("Running");
    expect(pod.containers[0]?.settings.devices).toEqual([]);
  });

  test("a hanging Allocate delays the next pods, but no containers", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready();
    await fixture.runPod("before");
    const hang = Promise.withResolvers<void>();
    plugin.behaviour.onAllocate = () => hang.promise;
    const a = fixture.runPod("a");
    const b = kubelet.addPod({ name: "b", containers: [{ name: "app" }] });
    await Bun.sleep(30);
    expect(kubelet.pod("b")?.phase).toBe("Pending");
    expect((await kubelet.restartContainer("before")).containers[0]?.restarts).toBe(1);
    hang.resolve();
    await Promise.all([a, b]);
    expect(kubelet.pod("b")?.phase).toBe("Running");
  });

  test("a kubelet that stops during Allocate admits the pod again", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready();
    plugin.behaviour.onAllocate = () => new Promise(() => undefined);
    const added = fixture.runPod("a");
    await eventually(() => plugin.callsOf("Allocate").length === 1, "the call");
    kubelet.stop();
    expect((await added).phase).toBe("Pending");
    plugin.behaviour.onAllocate = () => undefined;
    await kubelet.start({
      podsAfter: async () => {
        plugin.kill();
        await plugin.start();
        await fixture.allocatable(3);
      },
    });
    await kubelet.until(() => kubelet.pod("a")?.phase === "Running");
  });

  test.each([
    ["1.33", true],
    ["1.34", false],
    ["1.37", true],
  ] as const)(
    "a device that vanishes during Allocate leaves %s running: %p",
    async (version, survives) => {
      using fixture = new KubeletFixture(version);
      const { kubelet } = fixture;
      const plugin = await fixture.ready();
      plugin.behaviour.onAllocate = async () => {
        plugin.list({});
        await fixture.allocatable(0);
      };
      await fixture.runPod("a");
      expect(kubelet.running).toBe(survives);
    },
  );
});

describe("preferred allocation", () => {
  test("is not called unless the options offer it", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready();
    await fixture.runPod("a");
    expect(plugin.callsOf("GetPreferredAllocation")).toEqual([]);
  });

  test("is followed as far as it names free devices", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready({
      preferredAvailable: true,
      preferred: ["video11", "none"],
    });
    await fixture.runPod("a", 2);
    expect(plugin.callsOf("GetPreferredAllocation")[0]?.toSorted()).toEqual([
      "video10",
      "video11",
      "video12",
    ]);
    expect(fixture.kubelet.allocations()["a"]).toContain("video11");
    expect(fixture.kubelet.allocations()["a"]).toHaveLength(2);
  });
});

describe("init containers", () => {
  test("pass their devices on: Allocate is called again for the same ID", async () => {
    using fixture = new KubeletFixture();
    const plugin = await fixture.ready();
    const pod = await fixture.kubelet.addPod({
      name: "a",
      containers: [
        { name: "app", devices: 2 },
        { name: "first", devices: 1, init: true },
      ],
    });
    const [init = [], app = []] = plugin.callsOf("Allocate");
    expect(init).toHaveLength(1);
    expect(app).toHaveLength(2);
    expect(app).toContain(init[0] ?? "");
    expect(pod.containers.map(({ name, state }) => [name, state])).toEqual([
      ["first", "terminated"],
      ["app", "running"],
    ]);
  });

  test.each([
    ["1.28", 1],
    ["1.29", 2],
  ] as const)("restartable ones keep theirs from 1.29: %s", async (version, distinct) => {
    using fixture = new KubeletFixture(version);
    await fixture.ready();
    await fixture.kubelet.addPod({
      name: "a",
      containers: [
        { name: "sidecar", devices: 1, init: true, restartable: true },
        { name: "app", devices: 1 },
      ],
    });
    expect(fixture.kubelet.allocations()["a"]).toHaveLength(distinct);
  });

  test("with devices fail their pod when the kubelet restarts", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    await fixture.ready();
    await kubelet.addPod({
      name: "a",
      containers: [
        { name: "first", devices: 1, init: true },
        { name: "app", devices: 1 },
      ],
    });
    await kubelet.restart();
    await kubelet.until(() => kubelet.pod("a")?.phase === "Failed");
  });
});

describe("containers", () => {
  test("are restarted without Allocate, with the same settings", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready();
    const before = await fixture.runPod("a");
    const after = await kubelet.restartContainer("a");
    expect(plugin.callsOf("Allocate")).toHaveLength(1);
    expect(after.containers[0]?.containerId).not.toBe(before.containers[0]?.containerId);
    expect(after.containers[0]?.settings).toEqual(before.containers[0]?.settings as never);
    expect(after.containers[0]?.restarts).toBe(1);
  });

  test("wait for a device that is missing on the host, and start once it exists", async () => {
    using fixture = new KubeletFixture();
    const { kubelet, base } = fixture;
    await fixture.ready({ hostPath: () => join(base, "node") });
    const pod = await fixture.runPod("a");
    expect(pod.phase).toBe("Pending");
    expect(pod.containers[0]).toMatchObject({ state: "waiting", reason: "CreateContainerError" });
    expect(pod.containers[0]?.message).toContain("no such file or directory");
    writeFileSync(join(base, "node"), "");
    await kubelet.until(() => kubelet.pod("a")?.phase === "Running");

    rmSync(join(base, "node"));
    const restarted = await kubelet.restartContainer("a");
    expect(restarted.phase).toBe("Running");
    expect(restarted.containers[0]?.state).toBe("waiting");
  });

  test("get PreStartContainer before every start, and wait while it fails", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready({ preStartRequired: true, preStartError: "not clean" });
    const pod = await fixture.runPod("a");
    expect(pod.containers[0]).toMatchObject({
      state: "waiting",
      reason: "CreateContainerConfigError",
      message:
        "device plugin PreStartContainer rpc failed with err: rpc error: code = Internal desc = not clean",
    });
    plugin.behaviour.preStartError = undefined;
    await kubelet.until(() => kubelet.pod("a")?.phase === "Running");
    const calls = plugin.callsOf("PreStartContainer").length;
    await kubelet.restartContainer("a");
    expect(plugin.callsOf("PreStartContainer")).toHaveLength(calls + 1);
    expect(plugin.callsOf("PreStartContainer").at(-1)).toEqual(kubelet.allocations()["a"] ?? []);
  });

  test("that need PreStartContainer wait while their plugin is gone", async () => {
    using fixture = new KubeletFixture();
    const { kubelet } = fixture;
    const plugin = await fixture.ready({ preStartRequired: true });
    await fixture.runPod("a");
    plugin.kill();
    await fixture.allocatable(0);
    const pod = await kubelet.restartContainer("a");
    expect(pod.containers[0]?.message).toContain(`endpoint ${resource} has been stopped`);
    await plugin.start();
    await kubelet.until(() => kubelet.pod("a")?.containers[0]?.state === "running");
  });

  test("see the pod's own variable in place of the plugin's", async () => {
    using fixture = new KubeletFixture();
    await fixture.ready();
    const pod = await fixture.kubelet.addPod({
      name: "a",
      containers: [{ name: "app", devices: 1, env: { VIDEO_DEVICE: "mine" } }],
    });
    expect(pod.containers[0]?.settings.env["VIDEO_DEVICE"]).toBe("mine");
  });

  test.each([
    ["1.28", 0],
    ["1.29", 1],
  ] as const)("get CDI names from 1.29: %s", async (version, count) => {
    using fixture = new KubeletFixture(version);
    await fixture.ready();
    const pod = await fixture.runPod("a");
    expect(pod.containers[0]?.settings.cdiDevices).toHaveLength(count);
  });

  test("with several resources get all answers merged", async () => {
    using fixture = new KubeletFixture();
    await fixture.ready();
    const other = fixture.plugin("other.sock", { resource: "example.com/other" }, ["x1"]);
    await other.start();
    await fixture.kubelet.until(
      () => fixture.kubelet.resources("example.com/other").capacity === 1,
    );
    const pod = await fixture.kubelet.addPod({
      name: "a",
      containers: [{ name: "app", devices: { [resource]: 1, "example.com/other": 1 } }],
    });
    const paths = pod.containers[0]?.settings.devices.map(({ containerPath }) => containerPath);
    expect(paths).toHaveLength(2);
    expect(paths).toContain("/dev/x1");
  });
});

describe("the end of a pod", () => {
  test.each(["removePod", "completePod"] as const)("%s frees its devices", async (end) => {
    using fixture = new KubeletFixture();
    await fixture.ready();
    await fixture.runPod("a", 3);
    fixture.kubelet[end]("a");
    expect((await fixture.runPod("b", 3)).phase).toBe("Running");
  });
});
