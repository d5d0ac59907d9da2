import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { createClient } from "@connectrpc/connect";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { builtImage } from "../image/built-image.ts";
import { unsupported as imageUnsupported } from "../image/environment.ts";
import { type Profile, profiles } from "../support/manifests.ts";
import { type BadNode, type BadPod, badNodes, badSetUps } from "./bad-nodes.ts";
import { unsupported } from "./environment.ts";
import { kubeletVersion } from "./paths.ts";
import { PluginPod } from "./plugin-pod.ts";
import { type RealNode, realNodeOrReason } from "./real-node.ts";
import { skipLevel } from "./require-level.ts";
import { waitFor } from "./wait.ts";

/**
 * The image as the DaemonSet's pods on a real kubelet, in both profiles, and what such a pod says where something
 * is wrong. Run `test/image/provision.sh` and `test/kubelet/provision.sh` first, then `bun run test:kubelet` as root.
 */
const skip = skipLevel(unsupported() ?? imageUnsupported());

/** The limit of a test, ms; what a test waits for has limits of its own. */
const testMs = 240_000;
/** The longest time of a kubelet's answer to a change, ms. */
const patienceMs = 60_000;

describe.skipIf(skip)(`the image as pods on kubelet ${kubeletVersion}`, () => {
  let node: RealNode;

  beforeAll(async () => {
    const { archive } = await builtImage();
    const made = await realNodeOrReason();
    if ("skipped" in made) throw new Error(made.skipped);
    node = made;
    await node.importImage(archive);
    await node.startKubelet();
  }, 600_000);

  afterAll(() => node?.close(), 60_000);

  /** Resolves when the node has these devices, so many of them allocatable. */
  async function counts(capacity: number, allocatable: number): Promise<void> {
    await waitFor(`${capacity} devices, ${allocatable} allocatable`, patienceMs, async () => {
      const seen = await node.resources();
      if (seen.capacity === capacity && seen.allocatable === allocatable) return true;
      throw new Error(JSON.stringify(seen));
    });
  }

  describe.each([...profiles])("the profile %s", (profile: Profile) => {
    const users = { one: `one-${profile}`, two: `two-${profile}` };
    let plugin: PluginPod;
    /** Most that the container's control group was seen to have, bytes. */
    const peak = { workingSet: 0, anonymous: 0 };

    const look = async () => {
      const { workingSet, anonymous } = await plugin.memory();
      peak.workingSet = Math.max(peak.workingSet, workingSet);
      peak.anonymous = Math.max(peak.anonymous, anonymous);
    };
    beforeAll(() => {
      plugin = new PluginPod(node, `plugin-${profile}`, { profile });
    });
    afterAll(async () => {
      for (const user of Object.values(users)) await node.deletePod(user);
      await plugin.delete();
    }, 120_000);

    const story = (name: string, work: () => Promise<void>) =>
      test(name, () => plugin.explaining(work), testMs);

    /** Starts it, and says how long the devices took to be there, from the start of its container. */
    async function startPlugin(what: string): Promise<void> {
      await plugin.create();
      await counts(8, 8);
      const ms = await plugin.age();
      console.log(
        `${profile}: ${what}: 8 devices allocatable within ${(ms / 1000).toFixed(1)} s of its start`,
      );
      await plugin.ready();
    }

    /** What may not change for a pod while the plugin is replaced. */
    const held = async () => ({
      pods: await Promise.all(Object.values(users).map((name) => node.pod(name))),
      allocations: await node.allocations(),
    });

    story("becomes ready by its own probes, and all devices are allocatable", async () => {
      await startPlugin("start");
      expect(await plugin.restarts()).toBe(0);
    });

    story(
      "has the privileges that the manifest gives it, and a root that can't be written",
      async () => {
        const { pid } = await plugin.container();
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)$`, "m").exec(status)?.[1];
        const rights = ["CapEff", "CapBnd", "NoNewPrivs", "Seccomp"].map(field);
        if (profile === "restricted") {
          expect(rights).toEqual(["0000000000000000", "0000000000000000", "1", "2"]);
        } else {
          expect(BigInt(`0x${rights[0]}`) & (1n << 16n), "CAP_SYS_MODULE").not.toBe(0n);
        }
        const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
        const [, , , , , options = ""] =
          mounts.find((line) => line.split(" ")[4] === "/")?.split(" ") ?? [];
        expect(options.split(",")).toContain("ro");
      },
    );

    story("has a network of its own, and answers there", async () => {
      const { pid } = await plugin.container();
      const networkOf = (id: number | "self") => readlinkSync(`/proc/${id}/ns/net`);
      expect(networkOf(pid)).not.toBe(networkOf("self"));
      expect(await plugin.http("/readyz")).toMatchObject({ status: 200 });
      expect((await plugin.http("/metrics")).text).toContain("video_device_plugin_");
    });

    story("pods find their cameras and open them", async () => {
      await node.createPod({ name: users.one, devices: 1 });
      await node.createPod({ name: users.two, devices: 2 });
      for (const [name, count] of [
        [users.one, 1],
        [users.two, 2],
      ] as const) {
        const output = await waitFor(`output of ${name}`, patienceMs, () => {
          const lines = node.output(name);
          return lines.includes("done") ? lines : undefined;
        });
        for (const found of ["opened for reading:", "opened for writing:"]) {
          expect(output.filter((line) => line.startsWith(found))).toHaveLength(count);
        }
      }
    });

    story("`kubectl exec` shows who has which camera", async () => {
      const owner = node.podName(users.one);
      const status = await waitFor("the owner in the status", patienceMs, async () => {
        const { stdout } = await plugin.command("status");
        return stdout.includes(owner) ? stdout : undefined;
      });
      await look();
      expect(status).toContain(`default/${owner}`);
      expect(await plugin.command("probe", "ready")).toEqual({ stdout: "", stderr: "", code: 0 });
      expect(await plugin.command("probe", "live")).toEqual({ stdout: "", stderr: "", code: 0 });
    });

    story("an upgrade touches no pod, and a cordon outlives it", async () => {
      const before = await held();
      const allocated = Object.values(before.allocations).flat();
      const free = (await node.allocatable()).find((id) => !allocated.includes(id)) ?? "";
      expect((await plugin.command("cordon", free)).code).toBe(0);
      await counts(8, 7);
      await plugin.delete();
      expect(await held()).toEqual(before);

      await plugin.create();
      await counts(8, 7);
      await plugin.ready();
      expect(await held()).toEqual(before);
      expect(await node.allocatable()).not.toContain(free);
      expect((await plugin.command("uncordon", free)).code).toBe(0);
      await counts(8, 8);
    });

    story("an upgrade gives the devices back", async () => {
      const before = await held();
      await plugin.delete();
      await counts(8, 0);
      await startPlugin("upgrade");
      expect(await held()).toEqual(before);
      expect(await plugin.restarts()).toBe(0);
    });

    story("keeps within its memory limit", async () => {
      const allocated = Object.values(await node.allocations()).flat();
      const free = (await node.allocatable()).find((id) => !allocated.includes(id)) ?? "";
      const [registered] = plugin.log().filter(({ msg }) => msg === "Registered with the kubelet");
      const transport = createSocketTransport(String(registered?.["socket_path"]));
      try {
        const client = createClient(DevicePlugin, transport);
        for (let round = 0; round < 1000; round++) {
          await client.allocate({ containerRequests: [{ devicesIds: [free] }] });
          if (round % 100 === 0) await look();
        }
      } finally {
        transport.close();
      }
      // Processes of their own in the same control group, at the same time.
      const commands = [["probe", "live"], ["probe", "ready"], ["status"]].map((args) =>
        plugin.command(...args),
      );
      let isBusy = true;
      const done = Promise.all(commands).finally(() => {
        isBusy = false;
      });
      while (isBusy) {
        await look();
        await Bun.sleep(20);
      }
      await done;
      const { limit, oomKills, workingSet, anonymous } = await plugin.memory();
      const { text } = await plugin.http("/metrics");
      const metric = (name: string) =>
        Number(new RegExp(`^video_device_plugin_memory_${name} (\\d+)$`, "m").exec(text)?.[1]);
      expect(metric("limit_bytes")).toBe(limit);
      expect(Math.abs(metric("working_set_bytes") - workingSet)).toBeLessThan(16 * 2 ** 20);
      const mi = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} Mi`;
      const resident = await plugin.peakResident();
      console.log(
        `${profile}: resident at most ${mi(resident)}; its control group: working set ${mi(workingSet)}, of it anonymous ${mi(anonymous)}; at most ${mi(peak.workingSet)}, ${mi(peak.anonymous)}`,
      );
      expect(limit).toBe(128 * 2 ** 20);
      expect(oomKills).toBe(0);
      expect(await plugin.restarts()).toBe(0);
      expect(peak.anonymous).toBeLessThan(limit);
    });

    test("has written no error", () => {
      expect(plugin.log().filter(({ level }) => level === "ERROR")).toEqual([]);
    });

    story(
      "is restarted by the kubelet after its directory was deleted, and serves again",
      async () => {
        for (const user of Object.values(users)) await node.deletePod(user);
        const { id } = await plugin.container();
        await node.stopKubelet();
        rmSync(dirname(node.kubeletSocket), { recursive: true });
        await node.startKubelet();
        await waitFor("another container of the plugin", patienceMs, async () => {
          return (await plugin.container()).id === id ? undefined : true;
        });
        await counts(8, 8);
        await plugin.ready();
        const errors = plugin.log().filter(({ level }) => level === "ERROR");
        expect(errors.map(({ error_code: code }) => code)).toEqual(["kubelet_directory_deleted"]);
        expect(await plugin.restarts()).toBe(1);
      },
    );
  });

  /** Pods where something is wrong, all at once, each with a resource of its own. */
  class BadPods<T extends BadPod> {
    readonly #open: Server[] = [];
    readonly #pods = new Map<T, PluginPod>();

    async create(kind: string, bad: readonly T[]): Promise<void> {
      for (const [index, each] of bad.entries()) {
        const { prepare, pod } = each;
        const server = prepare?.();
        if (server) this.#open.push(server);
        const env = { RESOURCE_NAME: `vdp.invalid/${kind}-${index}`, ...pod.env };
        const plugin = new PluginPod(node, `${kind}-${index}`, { ...pod, env });
        this.#pods.set(each, plugin);
        await plugin.create();
      }
    }

    of(bad: T): PluginPod {
      return this.#pods.get(bad) as PluginPod;
    }

    all(): PluginPod[] {
      return [...this.#pods.values()];
    }

    async delete(): Promise<void> {
      await Promise.all(this.all().map((plugin) => plugin.delete()));
      for (const server of this.#open) server.close();
    }
  }

  describe("where something is wrong, the pod lives, is not ready, and says why", () => {
    const pods = new BadPods<BadNode>();
    beforeAll(async () => {
      await pods.create("bad", badNodes);
      for (const plugin of pods.all()) await plugin.started();
    }, testMs);
    afterAll(() => pods.delete(), testMs);

    test.each([...badNodes])(
      "$name",
      async (bad) => {
        const plugin = pods.of(bad);
        await plugin.explaining(() => saysWhy(plugin, bad));
      },
      testMs,
    );
  });

  describe("where setup fails, the daemon waits for it, and setup says why", () => {
    const pods = new BadPods<BadPod>();
    beforeAll(() => pods.create("bad-setup", badSetUps), testMs);
    afterAll(() => pods.delete(), testMs);

    test.each([...badSetUps])(
      "$name",
      async (bad) => {
        const plugin = pods.of(bad);
        await plugin.explaining(() => setUpSaysWhy(plugin, bad));
      },
      testMs,
    );
  });

  async function setUpSaysWhy(plugin: PluginPod, { cause, remedy }: BadPod): Promise<void> {
    const [setUp, daemon] = await waitFor("a second attempt", patienceMs, async () => {
      const status = await plugin.status();
      const [init] = status?.initContainerStatuses ?? [];
      const isBackingOff = init?.state?.waiting?.reason === "CrashLoopBackOff";
      if (isBackingOff && init.restartCount > 0) return [init, status?.containerStatuses?.[0]];
      throw new Error(JSON.stringify(status));
    });
    expect(setUp).toMatchObject({
      name: "setup",
      lastState: { terminated: { exitCode: 1, reason: "Error" } },
    });
    expect(daemon).toMatchObject({
      restartCount: 0,
      state: { waiting: { reason: "PodInitializing" } },
    });
    expect(await plugin.isReady()).toBe(false);
    const line = plugin
      .log("setup")
      .slice(-3)
      .find(({ error }) => cause.test(String(error)));
    expect(line?.["remedy"]).toMatch(remedy);
  }

  async function saysWhy(plugin: PluginPod, { cause, remedy, check }: BadNode): Promise<void> {
    const line = await waitFor("a line with the cause", patienceMs, () =>
      plugin
        .log()
        .slice(-5)
        .find(({ error }) => cause.test(String(error))),
    );
    expect(line["remedy"]).toMatch(remedy);
    const probed = await plugin.command("probe", "ready");
    expect(probed.code).toBe(1);
    expect(probed.stderr).toContain(`${check} failed: `);
    if (check === "devices") expect(probed.stderr).toMatch(remedy);
    expect(await plugin.command("probe", "live")).toEqual({ stdout: "", stderr: "", code: 0 });
    expect(await plugin.isReady()).toBe(false);
    expect(await plugin.restarts()).toBe(0);
  }
});
