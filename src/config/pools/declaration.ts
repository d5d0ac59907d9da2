import * as v from "valibot";
import type { Config } from "../config.ts";
import { options } from "../options.ts";
import { choice } from "../types/choice.ts";
import { nodeGlob, poolName } from "../types/kubernetes.ts";
import type { OptionType, ParseContext } from "../types/option-type.ts";
import { devicePathTemplate } from "../types/path.ts";
import { devicesPart } from "./devices-part.ts";
import { containerFields, loopbackFields, type PoolKey, readyFields } from "./fields.ts";
import { defaultInFile, descriptionInFile } from "./option-in-file.ts";
import { list, mapping, part, value } from "./value.ts";

export const apiVersion = "video-device-plugin/v1alpha1";
export const fileKind = "Pools";

/** Each pool has a registration, a socket and metrics of its own. */
export const maxPools = 64;

/** The file; `pool` is the schema of what stands in its list of pools. */
export function fileSchema<P extends v.GenericSchema>(context: ParseContext, pool: P) {
  return mapping({
    apiVersion: value(choice([apiVersion]), context, "Format of this file, and its version."),
    kind: value(choice([fileKind]), context, "What this file has."),
    pools: list(pool, 1, maxPools, "The pools, each with a resource name of its own on a node."),
  });
}

/** A pool of v4l2loopback devices. */
export function loopbackPoolSchema(context: ParseContext) {
  const entries = {
    ...common(context),
    loopback: part(
      "v4l2loopback devices that the plugin creates; {} takes all defaults.",
      optionEntries(loopbackFields, context),
    ),
    ready: v.optional(
      part(
        "Makes each device a ready camera, a pair of nodes: a camera, which browsers list at any time, and a feed, which applications write; {} takes all defaults.",
        optionEntries(readyFields, context),
      ),
    ),
    container: v.optional(part(containerText, optionEntries(containerFields, context)), {}),
    cdi: v.optional(cdiValue(context, cdiText), "off"),
  };
  return mapping(entries);
}

/** Path of a real device in a container, by default: its number is unique on the node. */
const cameraPath = "/dev/{node}";

/** A pool of real devices. */
export function devicesPoolSchema(context: ParseContext) {
  const path = value(
    devicePathTemplate(["id", "node", "index"]),
    context,
    "Path of a device inside a container, where {id} is the device's ID, {node} is video4 if the host has it as /dev/video4, and {index} is its place among the container's devices, from 0.",
  );
  const cdi = `${cdiText} Without it: auto, or off if container.path has {index}.`;
  const entries = {
    ...common(context),
    devices: devicesPart(context),
    container: v.optional(
      part(containerText, {
        ...optionEntries(containerFields, context),
        path: v.optional(path, cameraPath),
      }),
      {},
    ),
    cdi: v.optional(cdiValue(context, cdi)),
  };
  return mapping(entries, { ready: "a loopback pool" });
}

const containerText = "How a container sees its devices.";

const cdiText =
  "auto names devices of the Container Device Interface (CDI) beside device specs, so that a container's user may open them.";

function cdiValue(context: ParseContext, description: string) {
  return value(choice(["auto", "off"]), context, description);
}

/** What pools of both kinds have. */
function common(context: ParseContext) {
  const onNodes = list(
    value(nodeGlob(), context, "A node name, in which * and ? may stand for others."),
    1,
    64,
    "Names of the nodes that have this pool; without it, every node has it.",
  );
  return {
    name: value(poolName(), context, "Name in logs, metrics and files, unique in this file."),
    resource: optionValue("resourceName", context),
    onNodes: v.optional(onNodes),
  };
}

/** Options whose default depends on the pool: see `build-pool.ts`. */
const derived: ReadonlySet<PoolKey> = new Set(["containerDeviceEnv", "containerFeedPath"]);

type OptionEntries<F extends Readonly<Record<string, PoolKey>>> = {
  readonly [K in keyof F]: v.OptionalSchema<
    v.GenericSchema<unknown, Config[F[K]]>,
    F[K] extends "containerDeviceEnv" | "containerFeedPath" ? undefined : string | number | boolean
  >;
};

function optionEntries<F extends Readonly<Record<string, PoolKey>>>(
  fields: F,
  context: ParseContext,
): OptionEntries<F> {
  const entries = Object.entries(fields).map(([name, key]) => {
    const one = optionValue(key, context);
    return [name, derived.has(key) ? v.optional(one) : v.optional(one, defaultInFile(key))];
  });
  return Object.fromEntries(entries) as OptionEntries<F>;
}

function optionValue<K extends PoolKey>(key: K, context: ParseContext) {
  return value(options[key].type as OptionType<Config[K]>, context, descriptionInFile(key));
}
