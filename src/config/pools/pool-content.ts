import { type Option, options } from "../options.ts";
import type { CameraPool, LoopbackPool } from "../pool-config.ts";
import { containerFields, loopbackFields, type PoolKey, readyFields } from "./fields.ts";
import type { FilePool } from "./file-pool.ts";

/** What the file says of a pool, with all defaults filled in. */
export function poolContent({ pool, onNodes, shareAnyway }: FilePool): object {
  const { name } = pool;
  const common = {
    name,
    resource: pool.options.resourceName,
    ...(onNodes.length === 0 ? {} : { onNodes }),
  };
  return pool.kind === "loopback"
    ? { ...common, ...loopbackContent(pool) }
    : { ...common, ...devicesContent(pool, shareAnyway) };
}

function loopbackContent({ options, cdi }: LoopbackPool): object {
  return {
    loopback: partOf(loopbackFields, options),
    ...(options.readyCameras ? { ready: partOf(readyFields, options) } : {}),
    container: partOf(containerFields, options),
    cdi,
  };
}

function devicesContent({ options, deviceName, cdi, ...pool }: CameraPool, shareAnyway: boolean) {
  // An entry of `exclude` matches devices without hardware as well, and has no field for that.
  const exclude = pool.exclude.map(({ virtual: _, ...rule }) => rule);
  const { select, identity, expect, share, clean, signal } = pool;
  return {
    devices: {
      ...{ select, exclude, name: deviceName, identity, with: pool.with },
      ...{ expect, share, ...(shareAnyway ? { shareAnyway } : {}), clean, signal },
    },
    container: partOf(containerFields, options),
    cdi,
  };
}

function partOf(
  fields: Readonly<Record<string, PoolKey>>,
  values: Partial<LoopbackPool["options"]>,
) {
  const entries = Object.entries(fields).map(([name, key]) => {
    const { type }: Option<unknown> = options[key];
    return [name, (type.show === undefined ? values[key] : type.show(values[key])) ?? ""] as const;
  });
  return Object.fromEntries(entries);
}
