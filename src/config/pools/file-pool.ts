import { commonMatch, matchesGlob } from "../../common/glob.ts";
import type { PoolConfig } from "../pool-config.ts";

/** A pool of the file. */
export interface FilePool {
  readonly pool: PoolConfig;
  /** Its place in the list, from 0. */
  readonly index: number;
  /** Globs on the node's name; none if every node has the pool. */
  readonly onNodes: readonly string[];
  /** True if the file allows to share devices that serve one program at a time. */
  readonly shareAnyway: boolean;
}

/** The only pool of all nodes. */
export function everywhere(pool: PoolConfig): FilePool {
  return { pool, index: 0, onNodes: [], shareAnyway: false };
}

export function isOnNode({ onNodes }: FilePool, nodeName: string): boolean {
  return onNodes.length === 0 || onNodes.some((glob) => matchesGlob(glob, nodeName));
}

/** Name of a node that would have both pools; undefined if there is none. */
export function commonNode(one: FilePool, other: FilePool): string | undefined {
  const globs = ({ onNodes }: FilePool) => (onNodes.length === 0 ? ["*"] : onNodes);
  for (const left of globs(one)) {
    for (const right of globs(other)) {
      const name = commonMatch(left, right);
      if (name !== undefined) return name;
    }
  }
  return undefined;
}
