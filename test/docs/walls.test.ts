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

test("there are imports to look at", () => {
  expect(all.length).toBeGreaterThan(200);
});

test("only src/linux imports bun:ffi", () => {
  expect(offenders(/^src\/(?!linux\/)/, /^bun:ffi$/)).toEqual([]);
});

test("src/linux knows nothing but src/common", () => {
  expect(offenders(/^src\/linux\//, /^src\/(?!linux\/|common\/)/)).toEqual([]);
});

test("src/v4l2 knows no Kubernetes", () => {
  const others =
    /^src\/(kubelet|grpc|gen|devices|plugin|cli|config|simulator)\/|^@(grpc|connectrpc)\//;
  expect(offenders(/^src\/v4l2\//, others)).toEqual([]);
});

test("src/devices knows the drivers' seam alone, and no I/O", () => {
  const drivers = /^src\/v4l2\/(?!driver\.ts$)/;
  expect(offenders(/^src\/devices\//, drivers)).toEqual([]);
  const outside =
    /^(node:(fs|net|http2|child_process)|bun|@grpc\/grpc-js)$|^src\/(linux|kubelet|grpc|gen)\//;
  expect(offenders(/^src\/devices\//, outside)).toEqual([]);
});

test("src/kubelet knows no driver and no system call", () => {
  expect(offenders(/^src\/kubelet\//, /^src\/(v4l2|linux|simulator|cli|config)\//)).toEqual([]);
});

test("src/grpc knows no service", () => {
  expect(offenders(/^src\/grpc\//, /^src\/(?!grpc\/)/)).toEqual([]);
});

test("src/observe sees the other rooms through interfaces", () => {
  const others = /^src\/(v4l2|linux|plugin|simulator|cli|config|grpc)\/|^@grpc\//;
  expect(offenders(/^src\/observe\//, others)).toEqual([]);
});

test("src/common is known by all and knows none", () => {
  expect(offenders(/^src\/common\//, /^src\/(?!common\/)/)).toEqual([]);
});

test("the plugin proper does not know the simulator", () => {
  expect(offenders(/^src\/(?!simulator\/|cli\/demo)/, /^src\/simulator\//)).toEqual([]);
});

test("the simulator does not know the plugin", () => {
  expect(
    offenders(/^src\/simulator\//, /^src\/(kubelet|devices|plugin|v4l2|linux|cli|config)\//),
  ).toEqual([]);
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
