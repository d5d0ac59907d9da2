import { expect, test } from "bun:test";
import { join, normalize } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import in src outside of tests: repository paths, or names of packages. */
async function imports(): Promise<Import[]> {
  const found: Import[] = [];
  for (const from of new Glob("src/**/*.ts").scanSync(root)) {
    if (from.endsWith(".test.ts") || from.startsWith("src/gen/")) continue;
    const source = await Bun.file(join(root, from)).text();
    for (const [, name = ""] of source.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      found.push({ from, to: name.startsWith(".") ? normalize(join(from, "..", name)) : name });
    }
  }
  return found;
}

const all = await imports();
const offenders = (room: RegExp, forbidden: RegExp) =>
  all
    .filter(({ from, to }) => room.test(from) && forbidden.test(to))
    .map(({ from, to }) => `${from} → ${to}`);

/**
 * The arrows of docs/architecture.md: each room, lowest first, with the rooms that it may import, which are all
 * above it in this table. What is not here may not be imported.
 */
const arrows: Readonly<Record<string, readonly string[]>> = {
  common: [],
  gen: [],
  linux: ["common"],
  v4l2: ["common", "linux"],
  frames: ["common", "linux", "v4l2"],
  drivers: ["common", "frames", "linux", "v4l2"],
  devices: ["common", "drivers"],
  grpc: [],
  config: ["common", "v4l2"],
  "pod-resources": ["common", "gen", "grpc"],
  "device-plugin": ["common", "devices", "gen", "grpc"],
  observe: ["common", "drivers", "devices", "device-plugin", "gen", "pod-resources"],
  admin: ["common", "gen", "observe"],
  plugin: [
    ...["admin", "common", "config", "devices", "device-plugin", "drivers"],
    ...["linux", "observe", "pod-resources", "v4l2"],
  ],
  simulator: ["common", "gen", "grpc"],
  cli: [
    ...["common", "config", "devices", "drivers", "frames", "gen", "grpc", "linux", "observe"],
    ...["plugin", "pod-resources", "simulator", "v4l2"],
  ],
};

const roomOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];

test("there are imports to look at", () => {
  expect(all.length).toBeGreaterThan(200);
});

test("no import goes against an arrow of the architecture, or upwards", () => {
  const rooms = Object.keys(arrows);
  for (const [room, lower] of Object.entries(arrows)) {
    const upwards = lower.filter((other) => rooms.indexOf(other) >= rooms.indexOf(room));
    expect({ room, upwards }).toEqual({ room, upwards: [] });
  }
  const against = all.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    if (room === undefined || other === undefined || room === other) return false;
    return !arrows[room]?.includes(other);
  });
  expect(against.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("every arrow of the architecture is one that the code has", () => {
  const seen = new Set(all.map(({ from, to }) => `${roomOf(from)} → ${roomOf(to)}`));
  const drawn = Object.entries(arrows).flatMap(([room, lower]) =>
    lower.map((other) => `${room} → ${other}`),
  );
  expect(drawn.filter((arrow) => !seen.has(arrow))).toEqual([]);
});

test("only src/linux imports bun:ffi", () => {
  expect(offenders(/^src\/(?!linux\/)/, /^bun:ffi$/)).toEqual([]);
});

test("src/devices and src/observe know the drivers' seam alone, and devices no I/O", () => {
  expect(offenders(/^src\/(devices|observe)\//, /^src\/drivers\/(?!driver\.ts$)/)).toEqual([]);
  const outside = /^(node:(fs|net|http2|child_process)(\/promises)?|bun|@grpc\/grpc-js)$/;
  expect(offenders(/^src\/devices\//, outside)).toEqual([]);
});

test("each driver is entered by its index.ts", () => {
  for (const driver of ["camera", "loopback", "simulated"]) {
    const inside = new RegExp(`^src/drivers/${driver}/(?!index\\.ts$)`);
    expect(offenders(new RegExp(`^src/(?!drivers/${driver}/)`), inside)).toEqual([]);
  }
});

test("src/drivers and what is below it know no Kubernetes", () => {
  expect(offenders(/^src\/(common|linux|v4l2|frames|drivers)\//, /^@(grpc|connectrpc)\//)).toEqual(
    [],
  );
});

test("only src/plugin and src/cli choose a driver", () => {
  expect(offenders(/^src\/(?!drivers\/|plugin\/|cli\/)/, /^src\/drivers\/.+\//)).toEqual([]);
});

test("the plugin proper does not know the simulator", () => {
  expect(offenders(/^src\/(?!simulator\/|cli\/demo)/, /^src\/simulator\//)).toEqual([]);
});

// Each is megabytes of resident memory, on every node.
test("the plugin proper loads neither node:crypto nor Intl for little things", async () => {
  expect(offenders(/^src\/(?!simulator\/|cli\/)/, /^(node:)?crypto$/)).toEqual([]);
  const files = [...new Glob("src/**/*.ts").scanSync(root)].filter(
    (path) => !/test\.ts$/.test(path),
  );
  const sources = files.map(
    async (path) => [path, await Bun.file(join(root, path)).text()] as const,
  );
  const atLoad = (await Promise.all(sources)).filter(([, source]) => /^\S.*\bIntl\./m.test(source));
  expect(atLoad.map(([path]) => path)).toEqual([]);
});
