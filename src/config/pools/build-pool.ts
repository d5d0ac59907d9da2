import type * as v from "valibot";
import type { DeviceRule } from "../../v4l2/selects.ts";
import type { Config } from "../config.ts";
import { options } from "../options.ts";
import type { CameraPool, LoopbackPool } from "../pool-config.ts";
import type { devicesPoolSchema, loopbackPoolSchema } from "./declaration.ts";
import { type devicesPart, selectedKind } from "./devices-part.ts";
import { containerFields, loopbackFields, type PoolKey, readyFields } from "./fields.ts";

type LoopbackContent = v.InferOutput<ReturnType<typeof loopbackPoolSchema>>;
type DevicesContent = v.InferOutput<ReturnType<typeof devicesPoolSchema>>;
type RuleContent = v.InferOutput<ReturnType<typeof devicesPart>>["select"][number];

/** A loopback pool of the file. @param isFirst True if it is the file's first pool. */
export function loopbackPool(content: LoopbackContent, isFirst: boolean): LoopbackPool {
  const { name, resource, loopback, ready, container, cdi } = content;
  const given: Partial<Config> = {
    resourceName: resource,
    readyCameras: ready !== undefined,
    ...optionsOf(loopbackFields, loopback),
    ...(ready === undefined ? readyDefaults() : optionsOf(readyFields, ready)),
    ...optionsOf(containerFields, container),
  };
  const options = {
    ...given,
    containerDeviceEnv: given.containerDeviceEnv ?? defaultVariable(name, isFirst),
    containerFeedPath: given.containerFeedPath ?? defaultFeedPath(name, isFirst),
  };
  // The fields of the file are all options of a pool: a test compares the two.
  return { kind: "loopback", name, options: options as LoopbackPool["options"], cdi };
}

/** A pool of real devices. @param isFirst True if it is the file's first pool. */
export function cameraPool(content: DevicesContent, isFirst: boolean): CameraPool {
  const { name, resource, devices, container, cdi } = content;
  const { path, env, preStart } = container;
  const { select, exclude, name: deviceName, with: nodes, shareAnyway: _, ...settings } = devices;
  return {
    kind: "devices",
    name,
    options: {
      resourceName: resource,
      containerDevicePath: path,
      containerDeviceEnv: env ?? defaultVariable(name, isFirst),
      preStartContainer: preStart,
    },
    select: select.map((one) => deviceRule({ kind: selectedKind, ...one })),
    exclude: exclude.map((one) => deviceRule({ kind: "any", ...one, virtual: true })),
    deviceName,
    with: [...new Set(nodes)],
    ...settings,
    cdi: cdi ?? (path.includes("{index}") ? "off" : "auto"),
  };
}

/** Without a name of its own, the variables of two pools would be one in a container that asks for both. */
function defaultVariable(name: string, isFirst: boolean): string {
  if (isFirst) return options.containerDeviceEnv.default;
  const stem = name.toUpperCase().replaceAll("-", "_");
  return `${/^\d/.test(stem) ? "_" : ""}${stem}_DEVICE`;
}

/** As {@link defaultVariable}; `/dev/video…` would be a camera to browsers. */
function defaultFeedPath(name: string, isFirst: boolean): string {
  return isFirst ? options.containerFeedPath.default : `/dev/feed-${name}-{index}`;
}

/** The options that a part of the file sets. */
function optionsOf(
  fields: Readonly<Record<string, PoolKey>>,
  content: Readonly<Record<string, unknown>>,
): Partial<Config> {
  return Object.fromEntries(Object.entries(fields).map(([name, key]) => [key, content[name]]));
}

function readyDefaults(): Partial<Config> {
  const lookupGroup = () => undefined;
  const values = Object.values(readyFields).map((key) => {
    const parsed = options[key].type.parse(options[key].default, { lookupGroup });
    return [key, parsed.ok && key !== "containerFeedPath" ? parsed.value : undefined];
  });
  return Object.fromEntries(values);
}

/** Without keys that are undefined, which `exactOptionalPropertyTypes` rules out. */
function deviceRule({ usb, ...rule }: RuleContent): DeviceRule {
  return { ...defined(rule), ...(usb === undefined ? {} : { usb: defined(usb) }) };
}

function defined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(given).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
