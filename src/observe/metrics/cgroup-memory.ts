import { join } from "node:path";
import { readSmallFile } from "../../common/files.ts";

/** The memory of a control group, as its limit counts it. Bytes. */
export interface CgroupMemory {
  /**
   * Use without file pages that were not used lately, which the kernel drops before it kills a process: what the
   * kubelet calls the working set (k8s.io/kubernetes pkg/kubelet/stats; google/cadvisor container/libcontainer).
   */
  readonly workingSet: number;
  /** Undefined without a limit. */
  readonly limit: number | undefined;
}

/** Version 1 writes "no limit" as the largest number of pages (mm/memcontrol.c, PAGE_COUNTER_MAX), just below 2^63. */
const noLimit = 2 ** 62;

/** The files of the two versions (Documentation/admin-guide: cgroup-v1/memory.rst, cgroup-v2.rst). */
const versions = [
  {
    mount: "/sys/fs/cgroup/memory",
    entry: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m,
    ...{ use: "memory.usage_in_bytes", limit: "memory.limit_in_bytes" },
    inactive: /^total_inactive_file (\d+)$/m,
  },
  {
    mount: "/sys/fs/cgroup",
    entry: /^0::(.*)$/m,
    ...{ use: "memory.current", limit: "memory.max" },
    inactive: /^inactive_file (\d+)$/m,
  },
] as const;

/**
 * Reads the memory of this process's control group; undefined where none can be read, as on the root group.
 *
 * @param read the text of a file, undefined if it can't be read.
 */
export function cgroupMemory(read = readSmallFile): CgroupMemory | undefined {
  const groups = read("/proc/self/cgroup") ?? "";
  for (const { mount, entry, use, limit, inactive } of versions) {
    const path = entry.exec(groups)?.[1];
    if (path === undefined) continue;
    // In a container the mount may show only the container's own group, whose path is the host's.
    for (const group of [join(mount, path), mount]) {
      const used = Number(read(join(group, use)) ?? Number.NaN);
      if (Number.isNaN(used)) continue;
      const droppable = Number(inactive.exec(read(join(group, "memory.stat")) ?? "")?.[1] ?? 0);
      const most = Number(read(join(group, limit)) ?? Number.NaN);
      return {
        workingSet: Math.max(0, used - droppable),
        limit: most < noLimit ? most : undefined,
      };
    }
  }
  return undefined;
}
