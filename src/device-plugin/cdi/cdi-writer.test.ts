import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { PlacedDevice } from "../render-allocation.ts";
import { CdiWriter } from "./cdi-writer.ts";

let root: string;
let directory: string;
let devices: PlacedDevice[];
let free: Set<string>;
let log: ReturnType<typeof recordingLogger>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cdi-"));
  directory = join(root, "run/cdi");
  devices = [];
  free = new Set();
  log = recordingLogger();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const view = { path: "/dev/{node}", feedPath: "/dev/feed{n}" };
const writer = () =>
  new CdiWriter({
    ...{ directory, log, devices: () => devices, isFree: (id) => free.has(id) },
    pool: { name: "webcams", resourceName: "example.com/cameras", view },
  });
/** A device whose link leads to the node with that number from now on. */
const camera = (id: string, number: number): PlacedDevice => {
  const hostPath = join(root, id);
  rmSync(hostPath, { force: true });
  symlinkSync(`/dev/video${number}`, hostPath);
  return { id, number, nodes: [{ hostPath }] };
};
const nodes = ({ path }: CdiWriter) => {
  const { devices: written } = JSON.parse(readFileSync(path, "utf8"));
  return written.flatMap(
    (device: { containerEdits: { deviceNodes: { path: string; hostPath: string }[] } }) =>
      device.containerEdits.deviceNodes.map((node) => `${node.path} ${node.hostPath}`),
  );
};
const said = () => log.lines.map(({ level, msg }) => `${level} ${msg}`);

test("writes the file, for runtimes of any user, and names its devices", async () => {
  devices = [camera("a", 0)];
  const cdi = writer();
  expect(cdi.path).toBe(join(directory, "example.com-cameras_webcams.json"));
  expect(await cdi.write()).toEqual(new Map([["a", "example.com/cameras=a"]]));
  expect(nodes(cdi)).toEqual(["/dev/video0 /dev/video0"]);
  expect([directory, cdi.path].map((path) => statSync(path).mode & 0o777)).toEqual([0o755, 0o644]);
  expect(readdirSync(directory)).toHaveLength(1);
});

test("writes it again if another one has changed or removed it, and else leaves it", async () => {
  devices = [camera("a", 0)];
  const cdi = writer();
  await cdi.write();
  const { ino } = statSync(cdi.path);
  await cdi.write();
  expect(statSync(cdi.path).ino).toBe(ino);
  expect(said()).toEqual(["info CDI devices written"]);
  for (const spoil of [() => writeFileSync(cdi.path, "{"), () => rmSync(cdi.path)]) {
    spoil();
    await cdi.write();
    expect(nodes(cdi)).toEqual(["/dev/video0 /dev/video0"]);
  }
});

test("leads to no node while a device is unplugged: another one may have its number", async () => {
  devices = [camera("a", 4)];
  rmSync(join(root, "a"));
  const cdi = writer();
  await cdi.write();
  expect(nodes(cdi)).toEqual([`/dev/video4 ${join(root, "a")}`]);
});

test("has the node of a loopback device, which is no link", async () => {
  devices = [{ id: "video10", number: 10, nodes: [{ hostPath: "/dev/video10" }] }];
  const cdi = writer();
  await cdi.write();
  expect(nodes(cdi)).toEqual(["/dev/video10 /dev/video10"]);
});

test("removes the file of a pool without devices", async () => {
  const cdi = writer();
  expect(await cdi.write()).toEqual(new Map());
  devices = [camera("a", 0)];
  await cdi.write();
  devices = [];
  expect(await cdi.write()).toEqual(new Map());
  expect(existsSync(cdi.path)).toBe(false);
});

test("a device under another number has its path while a pod owns it, and the path of its answer", async () => {
  devices = [camera("a", 0)];
  const cdi = writer();
  await cdi.write();
  devices = [camera("a", 6)];
  // Also of another process of the plugin.
  await writer().write();
  expect(nodes(cdi)).toEqual(["/dev/video0 /dev/video6"]);
  await cdi.write(devices);
  expect(nodes(cdi)).toEqual(["/dev/video6 /dev/video6"]);
  devices = [camera("a", 2)];
  await cdi.write();
  expect(nodes(cdi)).toEqual(["/dev/video6 /dev/video2"]);
  free.add("a");
  await cdi.write();
  expect(nodes(cdi)).toEqual(["/dev/video2 /dev/video2"]);
});

test("devices of an earlier process that are not listed any more leave the file", async () => {
  devices = [camera("a", 0), camera("b", 2)];
  await writer().write();
  devices = [camera("b", 4)];
  const cdi = new CdiWriter({
    ...{ directory, log, devices: () => devices },
    isFree: (id) => {
      if (id !== "b") throw new Error(`${id} is not listed`);
      return false;
    },
    pool: { name: "webcams", resourceName: "example.com/cameras", view },
  });
  expect([...(await cdi.write()).keys()]).toEqual(["b"]);
  expect(nodes(cdi)).toEqual(["/dev/video2 /dev/video4"]);
});

test("a runtime finds the file whole at any time, and no draft that it would read", async () => {
  const cdi = writer();
  mkdirSync(directory, { recursive: true });
  const names = new Set<string>();
  const watcher = watch(directory, (_, name) => void (name && names.add(name)));
  devices = [camera("a", 0)];
  await cdi.write();
  const writes = Array.from({ length: 20 }, (_, number) => {
    free.add("a");
    devices = Array.from({ length: 1 + number }, (_, at) => camera(`a${at}`, at));
    return cdi.write();
  });
  let isDone = false;
  const done = Promise.all(writes).then(() => {
    isDone = true;
  });
  while (!isDone) {
    expect(nodes(cdi).length).toBeGreaterThan(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  watcher.close();
  expect(nodes(cdi)).toHaveLength(20);
  expect(names.size).toBeGreaterThan(0);
  const read = [...names].filter((name) => /\.(json|yaml)$/.test(name));
  expect(read.filter((name) => name !== "example.com-cameras_webcams.json")).toEqual([]);
});

test("names nothing if the file can't be written, warns once, and goes on when it can", async () => {
  devices = [camera("a", 0)];
  writeFileSync(join(root, "run"), "");
  const cdi = writer();
  expect(await cdi.write()).toEqual(new Map());
  expect(await cdi.write(devices)).toEqual(new Map());
  expect(said()).toEqual(["warn CDI devices not written", "debug CDI devices not written"]);
  expect(log.lines[0]?.fields).toMatchObject({ error_code: "cdi_not_written" });
  rmSync(join(root, "run"));
  expect((await cdi.write()).size).toBe(1);
});
