import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { EmbeddedKubelet } from "../../src/simulator/kubelet.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { waitFor } from "../kubelet/wait.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { type BuiltImage, builtImage, type OtherBuilds, otherBuilds } from "./built-image.ts";
import { unsupported } from "./environment.ts";
import { ImageArchive } from "./image-archive.ts";
import { PluginContainer } from "./plugin-container.ts";
import { run } from "./run.ts";
import { baseStandIn, otherArchitecture } from "./stand-ins.ts";

/**
 * The image of the checkout's Dockerfile, on stand-ins for its public bases, run by runc. Run
 * `test/image/provision.sh` first, then `bun run test:image` as root.
 */
const skip = skipLevel(unsupported(), "the image can't be built here");
const isBuiltOnce = onlyInFullRun(
  "a second build of the image, and one for the other architecture",
);

/** Largest download of a node in bytes, without distroless' base (some 7 MB). */
const ownLayerLimit = 60e6;

describe.skipIf(skip)("the image", () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-image-e2e-"));
  const rootfs = join(directory, "rootfs");
  const running: PluginContainer[] = [];
  let built: BuiltImage;
  let image: ImageArchive;
  let count = 0;

  beforeAll(async () => {
    const started = performance.now();
    built = await builtImage();
    image = await ImageArchive.open(built.archive, join(directory, "archive"));
    await image.unpack(rootfs);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `image: ${built.cached ? "from the cache" : JSON.stringify(built.seconds)}, ${seconds} s`,
    );
  }, 600_000);

  afterEach(async () => {
    for (const container of running.splice(0)) await container.close();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** The image's own entry point with `args`. */
  async function start(
    options: {
      args?: string[];
      env?: Record<string, string>;
      node?: string;
      writable?: boolean;
    } = {},
  ): Promise<PluginContainer> {
    const id = `vdp-image-${process.pid}-${count++}`;
    const container = await PluginContainer.start({
      id,
      directory: join(directory, id),
      rootfs,
      image: image.config,
      readonlyRootfs: options.writable !== true,
      mounts: options.node === undefined ? {} : mountsOf(options.node),
      ...(options.args && { args: options.args }),
      ...(options.env && { env: options.env }),
    });
    running.push(container);
    return container;
  }

  /** A simulated node with a running kubelet, in the test's directory. */
  async function makeNode(name: string): Promise<{ path: string; kubelet: EmbeddedKubelet }> {
    const path = join(directory, name);
    for (const source of Object.values(mountsOf(path))) mkdirSync(source, { recursive: true });
    const kubelet = new EmbeddedKubelet({
      dir: join(path, "device-plugins"),
      podResourcesDir: join(path, "pod-resources"),
    });
    await kubelet.start();
    return { path, kubelet };
  }

  describe.skipIf(isBuiltOnce)("built for comparison", () => {
    let others: OtherBuilds;
    beforeAll(async () => {
      others = await otherBuilds();
      console.log(`image: ${JSON.stringify(others.seconds)}`);
    }, 600_000);

    test("has the same bytes when it is built again from another copy of the sources", () => {
      expect(built.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(others.rebuiltDigest).toBe(built.digest);
    });

    test("is built for the other architecture with that one's executable", () => {
      // EM_AARCH64 and EM_X86_64 of elf.h.
      const machines = { arm64: 183, amd64: 62 };
      expect(others.other).toEqual({
        architecture: otherArchitecture,
        elfMachine: machines[otherArchitecture],
      });
    });
  });

  test("adds only one executable and its documents to its base", async () => {
    const added = await image.entries(image.layers.at(-1) ?? "");
    const files = added.filter(({ mode }) => !mode.startsWith("d"));
    expect(files.map(({ mode, owner, path }) => `${mode} ${owner} ${path}`).sort()).toEqual([
      "-rw-r--r-- 0/0 usr/share/doc/video-device-plugin/LICENSE",
      "-rw-r--r-- 0/0 usr/share/doc/video-device-plugin/THIRD-PARTY-NOTICES",
      "-rw-r--r-- 0/0 usr/share/doc/video-device-plugin/video-device-plugin.cdx.json",
      "-rwxr-xr-x 0/0 usr/bin/video-device-plugin",
    ]);
    expect(image.layers).toHaveLength(2);
  });

  test("has no shell, and no other program", async () => {
    const all = readdirSync(rootfs, { recursive: true, withFileTypes: true });
    const programs = all
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => lstatSync(path).mode & 0o111 && !/\.so(\.\d+)*$/.test(path));
    expect(programs).toEqual([join(rootfs, "usr/bin/video-device-plugin")]);
  });

  test("has the labels of the image specification", () => {
    const { config, created, architecture } = image.config;
    expect(config).toMatchObject({
      User: "0:0",
      WorkingDir: "/",
      Entrypoint: ["/usr/bin/video-device-plugin"],
    });
    expect(config.Cmd).toBeUndefined();
    expect(architecture).toBe(process.arch === "x64" ? "amd64" : process.arch);
    expect(created).toBe("2026-01-01T00:00:00Z");
    expect(config.Labels).toMatchObject({
      "org.opencontainers.image.title": manifest.name,
      "org.opencontainers.image.description": manifest.description,
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
      "org.opencontainers.image.revision": expect.stringMatching(/^[0-9a-f]{40}$/),
      "org.opencontainers.image.source": "https://example.org/video-device-plugin",
      "org.opencontainers.image.base.name": expect.stringContaining("base-nossl"),
    });
  });

  test("contains no registry, no settings and no build arguments", () => {
    const text = JSON.stringify(image.config);
    expect(text).not.toMatch(/npmrc|registry|_auth|NODE_EXTRA_CA_CERTS|BUN_CONFIG/i);
  });

  test("contains a bill of materials of its executable and its base", async () => {
    const documents = join(rootfs, "usr/share/doc/video-device-plugin");
    const bill = JSON.parse(readFileSync(join(documents, "video-device-plugin.cdx.json"), "utf8"));
    const bytes = readFileSync(join(rootfs, "usr/bin/video-device-plugin"));
    const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    expect(bill.metadata.component.hashes).toEqual([{ alg: "SHA-256", content: hash }]);
    expect(bill.components).toContainEqual(
      expect.objectContaining({ type: "container", name: baseStandIn.replace(/:.*/, "") }),
    );
    expect(bill.metadata.timestamp).toBe("2026-01-01T00:00:00.000Z");
    expect(readFileSync(join(documents, "THIRD-PARTY-NOTICES"), "utf8")).toContain("@grpc/grpc-js");
  });

  test("adds a download of at most 60 MB to its base", async () => {
    const layer = readFileSync(image.layers.at(-1) ?? "");
    const zstd = await Bun.zstdCompress(Bun.gunzipSync(layer), { level: 3 });
    const megabytes = (size: number) => `${(size / 1e6).toFixed(1)} MB`;
    console.log(`image: own layer ${megabytes(layer.length)} gzip, ${megabytes(zstd.length)} zstd`);
    expect(layer.length).toBeLessThan(ownLayerLimit);
  }, 120_000);

  test("runs `version` without any mount", async () => {
    const container = await start({ args: ["version"] });
    expect(await container.exited()).toBe(0);
    expect(container.output).toBe(
      `video-device-plugin ${manifest.version} (bun ${Bun.version}, linux-${process.arch})\n`,
    );
    expect(container.errors).toBe("");
  });

  test("serves as process 1 without capabilities, on a read-only root, within 128 Mi", async () => {
    const { path, kubelet } = await makeNode("node");
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const container = await start({ node: path, env: environment(path, port) });
    try {
      await kubelet.until(() => kubelet.resources().allocatable === 8, 15_000, "8 devices");
      await kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 2 }] });
      expect(kubelet.pod("a")?.phase).toBe("Running");
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect(ready.status).toBe(200);
      // The manifests' probes, within the container's memory; they print nothing on success.
      for (const probe of ["live", "ready"]) {
        expect(await container.exec("video-device-plugin", "probe", probe)).toBe("");
      }
      const peak = await container.peakMemory();
      console.log(`image: peak memory of its cgroup ${(peak / 2 ** 20).toFixed(0)} Mi`);
      const stopped = performance.now();
      await container.signal("TERM");
      expect(await container.exited()).toBe(0);
      expect(performance.now() - stopped).toBeLessThan(5000);
      const entries = container.log.entries();
      expect(entries.length).toBeGreaterThan(3);
      expect(entries.filter(({ level }) => level === "ERROR")).toEqual([]);
      expect(container.errors).toBe("");
    } finally {
      kubelet.stop({ removeSockets: true });
    }
  }, 60_000);

  test("writes only to mounted directories, even on a writable root", async () => {
    const { path, kubelet } = await makeNode("writable");
    // Creates the mount points, which stay in an unpacked image.
    expect(await (await start({ args: ["version"], node: path, writable: true })).exited()).toBe(0);
    const before = await everythingIn(rootfs);
    const container = await start({ node: path, env: environment(path), writable: true });
    try {
      await kubelet.until(() => kubelet.resources().allocatable === 8, 15_000, "8 devices");
      await container.signal("TERM");
      expect(await container.exited()).toBe(0);
    } finally {
      kubelet.stop({ removeSockets: true });
    }
    expect(await everythingIn(rootfs)).toBe(before);
  }, 60_000);

  test("runs its other commands by name, and no other program", async () => {
    const { path, kubelet } = await makeNode("second");
    const container = await start({ node: path, env: environment(path) });
    try {
      await waitFor("the first log line", 10_000, () => container.log.entries()[0]);
      expect(await container.exec("video-device-plugin", "version")).toContain(manifest.version);
      let complaint = "";
      try {
        await container.exec("sh", "-c", "true");
      } catch (error) {
        complaint = String(error);
      }
      expect(complaint).toContain("executable file not found");
    } finally {
      kubelet.stop({ removeSockets: true });
    }
  }, 60_000);
});

/** Simulated devices on `node`, and HTTP on `port` unless that is 0. */
function environment(node: string, port = 0): Record<string, string> {
  return {
    NODE_NAME: "node-a",
    VIDEO_DRIVER: "simulated",
    SIMULATED_DIR: join(node, "devices"),
    ...(port !== 0 && {
      ENABLE_METRICS: "true",
      METRICS_ADDRESS: "127.0.0.1",
      METRICS_PORT: `${port}`,
    }),
  };
}

/** The manifests' mounts at the default paths, and devices, whose path is the same as on the node. */
function mountsOf(node: string): Record<string, string> {
  return {
    [join(node, "devices")]: join(node, "devices"),
    "/run/video-device-plugin": join(node, "run"),
    "/var/lib/kubelet/device-plugins": join(node, "device-plugins"),
    "/var/lib/kubelet/pod-resources": join(node, "pod-resources"),
    "/var/lib/video-device-plugin": join(node, "state"),
  };
}

/** Names, sizes and times of all files and directories. */
async function everythingIn(directory: string): Promise<string> {
  return run(["find", directory, "-printf", "%P %y %m %s %T@\n"]);
}
