import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakePlugin } from "./fake-plugin.ts";
import { EmbeddedKubelet, type EmbeddedKubeletOptions } from "./kubelet.ts";

const ids = ["video10", "video11", "video12"];
let base: string;
let kubelet: EmbeddedKubelet;
let plugin: FakePlugin;

function make(options: Partial<EmbeddedKubeletOptions> = {}): EmbeddedKubelet {
  kubelet = new EmbeddedKubelet({
    dir: join(base, "device-plugins"),
    podResourcesDir: join(base, "pod-resources"),
    dialTimeoutMs: 200,
    containerRetryMs: 20,
    ...options,
  });
  return kubelet;
}

function socketOf(name: string): string {
  return join(base, "device-plugins", name);
}

async function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(socket.destroy() !== undefined));
    socket.on("error", () => resolve(false));
  });
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "kubelet-"));
  make();
  plugin = new FakePlugin(socketOf("fake.sock"), ids);
});

afterEach(() => {
  kubelet.stop();
  plugin.kill();
  rmSync(base, { recursive: true, force: true });
});

async function registered(): Promise<void> {
  await plugin.start();
  await kubelet.until(() => kubelet.resources().allocatable === 3);
}

describe("start and stop", () => {
  test("a killed kubelet leaves a socket that refuses connections", async () => {
    await kubelet.start();
    expect(await connects(kubelet.socket)).toBe(true);
    kubelet.stop();
    expect(existsSync(kubelet.socket)).toBe(true);
    expect(await connects(kubelet.socket)).toBe(false);
    await kubelet.start();
    expect(await connects(kubelet.socket)).toBe(true);
    kubelet.stop({ removeSockets: true });
    expect(existsSync(kubelet.socket)).toBe(false);
  });

  test("a stop breaks the plugin's streams at once", async () => {
    await kubelet.start();
    await registered();
    kubelet.stop();
    await Bun.sleep(50);
    expect(plugin.streams).toBe(0);
    expect(kubelet.resources()).toEqual({ capacity: 0, allocatable: 0 });
  });
});

describe("registration", () => {
  test("dials back, asks for the options, then lists", async () => {
    await kubelet.start();
    await registered();
    expect(plugin.calls.map(({ method }) => method)).toEqual([
      "GetDevicePluginOptions",
      "ListAndWatch",
    ]);
    expect(kubelet.resources()).toEqual({ capacity: 3, allocatable: 3 });
  });
});

describe("pods", () => {
  test("a pod gets its devices", async () => {
    await kubelet.start();
    await registered();
    const pod = await kubelet.addPod({ name: "a", containers: [{ name: "app", devices: 2 }] });
    expect(pod.phase).toBe("Running");
    expect(kubelet.allocations()["a"]).toHaveLength(2);
    const b = await kubelet.addPod({ name: "b", containers: [{ name: "app", devices: 2 }] });
    expect(b.phase).toBe("Failed");
    expect(b.message).toBe(
      "Allocate failed due to requested number of devices unavailable for meeting-baas.io/video-devices. Requested: 2, Available: 1, which is unexpected",
    );
    await kubelet.restart();
    await Bun.sleep(20);
    plugin.kill();
    await plugin.start();
    await kubelet.until(() => kubelet.resources().allocatable === 3);
    expect(kubelet.pod("a")).toEqual(pod);
  });
});
