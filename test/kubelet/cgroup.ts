import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a control group says of its memory, bytes. */
export interface MemoryUse {
  /** Without what the kernel can drop at once, file pages that have not been used lately: what a kubelet counts. */
  readonly workingSet: number;
  /** Memory of no file. */
  readonly anonymous: number;
  readonly limit: number;
  /** Processes that the kernel has killed for want of memory. */
  readonly oomKills: number;
}

/** Memory of the control group that a process is in, of either hierarchy (cgroup-v1/memory.rst, cgroup-v2.rst). */
export function memoryOf(pid: number): MemoryUse {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const path = (controller: string) =>
    lines.map((line) => line.split(":")).find(([, names]) => names === controller)?.[2];
  const v1 = path("memory");
  if (v1 !== undefined) {
    const read = reader(join("/sys/fs/cgroup/memory", v1));
    const stat = read.pairs("memory.stat");
    return {
      workingSet: read.number("memory.usage_in_bytes") - (stat.get("total_inactive_file") ?? 0),
      anonymous: stat.get("total_rss") ?? 0,
      limit: read.number("memory.limit_in_bytes"),
      oomKills: read.pairs("memory.oom_control").get("oom_kill") ?? 0,
    };
  }
  const read = reader(join("/sys/fs/cgroup", path("") ?? ""));
  const stat = read.pairs("memory.stat");
  return {
    workingSet: read.number("memory.current") - (stat.get("inactive_file") ?? 0),
    anonymous: stat.get("anon") ?? 0,
    limit: read.number("memory.max"),
    oomKills: read.pairs("memory.events").get("oom_kill") ?? 0,
  };
}

function reader(directory: string) {
  if (!existsSync(directory)) throw new Error(`there is no control group ${directory}`);
  const text = (file: string) => readFileSync(join(directory, file), "utf8").trim();
  return {
    number: (file: string) => Number(text(file)),
    /** Lines `<name> <number>`. */
    pairs: (file: string) =>
      new Map(
        text(file)
          .split("\n")
          .map((line): [string, number] => {
            const [name = "", value] = line.split(" ");
            return [name, Number(value)];
          }),
      ),
  };
}
