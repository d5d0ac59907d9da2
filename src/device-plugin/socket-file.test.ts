import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity, identityOf, isListening } from "../common/unix-socket.ts";
import { instanceSuffixBytes } from "../config/types/path.ts";
import {
  findOtherInstances,
  instanceSocketPath,
  newSuffix,
  probeKubeletSocket,
  sweepSockets,
} from "./socket-file.ts";

let directory: string;
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true });
});

function listen(name: string): Promise<string> {
  const path = join(directory, name);
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.end()).listen(path, () => resolve(path));
    servers.push(server);
  });
}

/** Makes a socket file of a process that was killed. */
async function abandon(name: string): Promise<string> {
  const path = join(directory, name);
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await Bun.spawn([process.execPath, "-e", script]).exited;
  return path;
}

describe("a socket's identity", () => {
  test("survives a chmod", async () => {
    const path = await listen("kubelet.sock");
    const before = fileIdentity(path);
    await Bun.sleep(5);
    chmodSync(path, 0o600);
    expect(fileIdentity(path)).toBe(before as string);
  });

  test("differs for another file at the same path", async () => {
    const path = join(directory, "kubelet.sock");
    writeFileSync(path, "");
    const before = fileIdentity(path);
    rmSync(path);
    await Bun.sleep(5);
    writeFileSync(path, "");
    expect(fileIdentity(path)).not.toBe(before as string);
  });

  test("S12 differs even if the inode number is the same", () => {
    const before = { dev: 1n, ino: 7n, birthtimeNs: 100n, ctimeNs: 100n };
    expect(identityOf({ ...before, birthtimeNs: 200n })).not.toBe(identityOf(before));
    const unborn = { ...before, birthtimeNs: 0n };
    expect(identityOf({ ...unborn, ctimeNs: 200n })).not.toBe(identityOf(unborn));
  });

  test("is undefined for no file", () => {
    expect(fileIdentity(join(directory, "none"))).toBeUndefined();
  });
});

describe("the probe of the kubelet's socket", () => {
  test("distinguishes absent, refusing and accepting", async () => {
    expect((await probeKubeletSocket(join(directory, "none"))).state).toBe("absent");
    expect((await probeKubeletSocket(await abandon("stale.sock"))).state).toBe("refusing");
    expect((await probeKubeletSocket(await listen("kubelet.sock"))).state).toBe("accepting");
  });
});

test("a listener that closes each connection at once is listening", async () => {
  const path = join(directory, "busy.sock");
  const script = `require("net").createServer((s) => s.destroy()).listen(${JSON.stringify(path)})`;
  const child = Bun.spawn([process.execPath, "-e", script]);
  try {
    while (!(await isListening(path))) await Bun.sleep(5);
    // Now and then the connection is reset before connect() returns.
    for (let n = 0; n < 300; n++) expect(await isListening(path)).toBe(true);
  } finally {
    child.kill();
  }
});

describe("an instance's socket", () => {
  test("is named after the configured path", () => {
    expect(instanceSocketPath("/d/video-device-plugin.sock", "7-abc")).toBe(
      "/d/video-device-plugin-7-abc.sock",
    );
  });

  test("has a suffix within the length that the option's check allows for", () => {
    // 4194304 is the kernel's largest process ID (PID_MAX_LIMIT).
    expect(newSuffix("a.io/b", 4_194_304, 0.999999999).length + 1).toBeLessThanOrEqual(
      instanceSuffixBytes,
    );
    expect(newSuffix("meeting-baas.io/video-devices", 1, 0)).toBe("38142f-1-00000000");
  });
});

describe("the sweep", () => {
  test("removes the sockets of dead instances and leaves everything else", async () => {
    const dead = await abandon("video-device-plugin-1-aaaaaaaa.sock");
    const original = await abandon("video-device-plugin.sock");
    const other = await abandon("video-device-plugin-gpu.sock");
    const hidden = await abandon(".video-device-plugin-38142f-1-eeeeeeee.sock");
    const prepared = await listen(".video-device-plugin-38142f-1-ffffffff.sock");
    const live = await listen("video-device-plugin-2-bbbbbbbb.sock");
    const file = join(directory, "video-device-plugin-notes.sock");
    writeFileSync(file, "not a socket");

    const sweep = await sweepSockets(
      join(directory, "video-device-plugin.sock"),
      "meeting-baas.io/video-devices",
    );

    expect(sweep.stale.sort()).toEqual([dead, original, hidden].sort());
    expect(sweep.live).toEqual([live]);
    expect(existsSync(prepared)).toBe(true);
    expect([dead, original, other, live, file].map((path) => existsSync(path))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    expect(await isListening(live)).toBe(true);
  });
});

describe("other instances", () => {
  const ours = "meeting-baas.io/video-devices";
  const find = () => findOtherInstances(join(directory, "video-device-plugin.sock"), ours);

  test("of the same resource are found, whatever their configured path is", async () => {
    const same = await listen("video-device-plugin-38142f-2-bbbbbbbb.sock");
    const release = await listen("other-release-38142f-3-cccccccc.sock");
    await abandon("video-device-plugin-38142f-4-dddddddd.sock");
    const found = await find();
    expect(found.same.sort()).toEqual([release, same].sort());
    expect(found.unmarked).toEqual([]);
  });

  test("of another resource are none, at whatever path", async () => {
    const name = `video-device-plugin-${newSuffix("example.com/other", 5, 0.5)}.sock`;
    await listen(name);
    await listen("kubelet.sock");
    await listen(".video-device-plugin-38142f-9-aaaaaaaa.sock");
    await listen("video-device-plugin-gpu.sock");
    expect(await find()).toEqual({ same: [], unmarked: [] });
    const { live } = await sweepSockets(join(directory, "video-device-plugin.sock"), ours);
    expect(live).toEqual([]);
  });

  test("of older plugins are those whose names show no resource", async () => {
    const original = await listen("video-device-plugin.sock");
    const older = await listen("video-device-plugin-2-bbbbbbbb.sock");
    const found = await find();
    expect(found.same).toEqual([]);
    expect(found.unmarked.sort()).toEqual([older, original].sort());
  });

  test("are none in a directory that does not exist", async () => {
    expect(await findOtherInstances("/none/a.sock", ours)).toEqual({ same: [], unmarked: [] });
  });
});
