import { feedNumber, numbersFrom } from "../../v4l2/device-ids.ts";
import type { Config } from "../config.ts";
import { crossChecks, flagName, type SettingName } from "../cross-checks.ts";
import { options } from "../options.ts";
import { pathsMeet } from "../path-shape.ts";
import type { PoolConfig } from "../pool-config.ts";
import { quote } from "../problem.ts";
import { variableName } from "../types/text.ts";
import { fieldOf, isPoolKey, type PoolKey } from "./fields.ts";
import { commonNode, type FilePool } from "./file-pool.ts";
import type { FileProblem, Path } from "./yaml-file.ts";

/** The options that all pools share, as far as they have no problem. */
export type ProcessOptions = Partial<Config>;

/** What is wrong with pools that are each well-formed: by the rules about options, and beside other pools. */
export function poolProblems(
  pools: readonly FilePool[],
  process: ProcessOptions,
): readonly FileProblem[] {
  return pools.flatMap((one, at) => [
    ...optionProblems(one, process),
    ...sharingProblems(one),
    ...furtherProblems(one),
    ...cdiProblems(one),
    ...pools.slice(0, at).flatMap((earlier) => pairProblems(earlier, one)),
  ]);
}

/** Names of fields for options of a pool, of flags for the others. */
const fieldName: SettingName = (key, value) => {
  if (!isPoolKey(key)) return flagName(key, value);
  const name = fieldOf(key).join(".");
  return value === undefined || key === "readyCameras" ? name : `${name}: ${value}`;
};

function optionProblems({ pool, index }: FilePool, process: ProcessOptions): FileProblem[] {
  const own: Partial<Config> = pool.options;
  const shared = Object.entries(process).filter(([key]) => !isPoolKey(key as keyof Config));
  const config = { ...Object.fromEntries(shared), ...own } as Config;
  const broken = crossChecks
    .filter(({ keys }) => keys.some(isPoolKey) && keys.every((key) => key in config))
    .flatMap(({ subject, check }) => {
      const expected = check(config, fieldName);
      // Presence alone turns ready cameras on.
      const wanted = subject === "readyCameras" ? expected?.replace(/^false/, "none") : expected;
      return wanted === undefined ? [] : [problemAt(pool, index, subject as PoolKey, wanted)];
    });
  const env = variableName();
  const named = env.parse(pool.options.containerDeviceEnv, { lookupGroup: () => undefined });
  return named.ok
    ? broken
    : [...broken, problemAt(pool, index, "containerDeviceEnv", `${env.expected}; ${named.reason}`)];
}

function sharingProblems({ pool, index, shareAnyway }: FilePool): FileProblem[] {
  if (pool.kind === "loopback" || pool.share === 1 || shareAnyway) return [];
  if (pool.select.every(({ kind }) => kind === "codec")) return [];
  const text =
    "expected 1, or kind: codec in every entry of select: any other device serves one program at a time, and the second one gets EBUSY; shareAnyway: true shares nevertheless";
  return [{ path: place(index, "devices", "share"), got: true, text }];
}

/** Paths of further nodes in containers, those of the host. */
const furtherPaths = {
  metadata: "/dev/video{n}",
  media: "/dev/media{n}",
  subdevices: "/dev/v4l-subdev{n}",
  usb: "/dev/bus/usb/{n}/{n}",
} as const;

function furtherPathsOf(pool: PoolConfig): readonly string[] {
  return pool.kind === "devices" ? pool.with.map((kind) => furtherPaths[kind]) : [];
}

function furtherProblems({ pool, index }: FilePool): FileProblem[] {
  const path = pathOf(pool, "containerDevicePath");
  if (!furtherPathsOf(pool).some((further) => pathsMeet(further, path))) return [];
  const expected = "a path that no further node (with) of a device can have, such as /dev/{node}";
  return [problemAt(pool, index, "containerDevicePath", expected)];
}

/** A file of CDI devices is one for all containers. */
function cdiProblems({ pool, index }: FilePool): FileProblem[] {
  if (pool.cdi === "off") return [];
  const paths = pathKeys(pool).filter((key) => pathOf(pool, key).includes("{index}"));
  return paths.map((key) => {
    const field = fieldOf(key).join(".");
    const text = `expected off, or a ${field} without {index}: one file has the devices' paths for all containers, and {index} is another number in each`;
    return { path: place(index, "cdi"), got: true, text };
  });
}

/** Problems of the later of two pools in the file. */
function pairProblems(earlier: FilePool, later: FilePool): FileProblem[] {
  const { pool, index } = later;
  const other = `pools[${earlier.index}] (${earlier.pool.name})`;
  const problems: FileProblem[] = [];
  if (earlier.pool.name === pool.name) {
    const text = `expected another name than that of pools[${earlier.index}]`;
    problems.push({ path: place(index, "name"), got: true, text });
  }
  const node = commonNode(earlier, later);
  if (node === undefined) return problems;
  const apart =
    earlier.onNodes.length + later.onNodes.length === 0
      ? ""
      : `, or onNodes that fit no node together: a node ${quote(node)} has both`;
  const clash = (key: PoolKey, text: string) =>
    problems.push(problemAt(pool, index, key, `${text}${apart}`));

  if (earlier.pool.options.resourceName === pool.options.resourceName) {
    clash("resourceName", `another resource than that of ${other}`);
  }
  const number = shared(numbersOf(earlier.pool), numbersOf(pool));
  if (number !== undefined) {
    clash("firstDeviceNumber", `numbers that ${other} does not have: video${number} is in both`);
  }
  const variable = shared(variablesOf(earlier.pool), variablesOf(pool));
  if (variable !== undefined) {
    clash(
      "containerDeviceEnv",
      `another variable: ${other} sets ${variable} too, and a container that asks for both keeps one value`,
    );
  }
  for (const key of pathKeys(pool)) {
    const meets = pathKeys(earlier.pool).some((one) =>
      pathsMeet(pathOf(earlier.pool, one), pathOf(pool, key)),
    );
    const path = pathOf(pool, key);
    const meetsFurther = furtherPathsOf(earlier.pool).some((one) => pathsMeet(one, path));
    if (meets || meetsFurther)
      clash(key, `a path that no device of ${other} can have in the same container`);
  }
  const furtherMeets = furtherPathsOf(pool).some((further) =>
    pathKeys(earlier.pool).some((one) => pathsMeet(pathOf(earlier.pool, one), further)),
  );
  if (furtherMeets) {
    const text = `expected nodes whose paths no device of ${other} can have in the same container${apart}`;
    problems.push({ path: place(index, "devices", "with"), text });
  }
  const name = deviceNameOf(pool);
  if (name !== "" && name === deviceNameOf(earlier.pool)) {
    const text = `expected another ID than that of ${other}${apart}`;
    problems.push({ path: place(index, "devices", "name"), got: true, text });
  }
  return problems;
}

function numbersOf(pool: PoolConfig): readonly number[] {
  if (pool.kind === "devices") return [];
  const { firstDeviceNumber, maxDevices, readyCameras } = pool.options;
  const cameras = numbersFrom(firstDeviceNumber, maxDevices);
  return readyCameras ? [...cameras, ...cameras.map(feedNumber)] : cameras;
}

/** Names of all variables that Allocate sets. */
export function variablesOf(pool: PoolConfig): readonly string[] {
  const name = pool.options.containerDeviceEnv;
  const stem = name.replace(/_DEVICE$/, "");
  const isReady = pool.kind === "loopback" && pool.options.readyCameras;
  const names = [name, ...(isReady ? [`${stem}_CAMERA`, `${stem}_FEED`] : [])];
  return names.flatMap((one) => [one, `${one}S`]);
}

function pathKeys(pool: PoolConfig): readonly ("containerDevicePath" | "containerFeedPath")[] {
  const isReady = pool.kind === "loopback" && pool.options.readyCameras;
  return isReady ? ["containerDevicePath", "containerFeedPath"] : ["containerDevicePath"];
}

/** The template of a path as {@link pathsMeet} reads it: `{id}` of a loopback device is its number. */
function pathOf(pool: PoolConfig, key: "containerDevicePath" | "containerFeedPath"): string {
  if (pool.kind === "loopback") return pool.options[key].replaceAll("{id}", "video{n}");
  return pool.options.containerDevicePath
    .replaceAll("{id}", "{name}")
    .replaceAll("{node}", "video{n}");
}

function deviceNameOf(pool: PoolConfig): string {
  return pool.kind === "devices" ? pool.deviceName : "";
}

function shared<T>(some: readonly T[], others: readonly T[]): T | undefined {
  return some.find((one) => others.includes(one));
}

function place(index: number, ...rest: readonly string[]): Path {
  return ["pools", index, ...rest];
}

function problemAt(pool: PoolConfig, index: number, key: PoolKey, expected: string): FileProblem {
  const { type } = options[key];
  const value = (pool.options as Partial<Config>)[key];
  const shown = (type.show as ((value: unknown) => unknown) | undefined)?.(value) ?? value;
  return {
    path: place(index, ...fieldOf(key)),
    got: true,
    text: `expected ${expected}`,
    byDefault: typeof shown === "string" ? quote(shown) : String(shown),
  };
}
