import { isRecord } from "../../common/is-record.ts";
import type { PoolConfig } from "../pool-config.ts";
import { everywhere } from "./file-pool.ts";
import { poolContent } from "./pool-content.ts";

/**
 * How two lists of a node's pools differ, for people, in the names of the file: `webcams: devices.expect`, `bots: removed`.
 * Empty if a process that starts with either would do the same.
 */
export function poolChanges(from: readonly PoolConfig[], to: readonly PoolConfig[]): string[] {
  const before = new Map(from.map((pool) => [pool.name, pool]));
  const after = new Map(to.map((pool) => [pool.name, pool]));
  const changes = [...before].flatMap(([name, pool]) => {
    const next = after.get(name);
    if (next === undefined) return [`${name}: removed`];
    return changedFields(poolContent(everywhere(pool)), poolContent(everywhere(next))).map(
      (field) => `${name}: ${field}`,
    );
  });
  for (const name of after.keys()) if (!before.has(name)) changes.push(`${name}: added`);
  const both = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
    [...one.keys()].filter((name) => other.has(name));
  // A device belongs to the first pool that it matches.
  if (!Bun.deepEquals(both(before, after), both(after, before))) changes.push("order of the pools");
  return changes;
}

/** Paths of all that differs. A list counts as one value, and so does a part that only one of the two has. */
function changedFields(one: unknown, other: unknown, path = ""): string[] {
  if (Bun.deepEquals(one, other)) return [];
  if (!isRecord(one) || !isRecord(other)) return [path];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) =>
    changedFields(one[key], other[key], path === "" ? key : `${path}.${key}`),
  );
}
