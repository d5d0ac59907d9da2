import { readFileSync } from "node:fs";

/** Memory of a process, MB (10⁶ bytes). */
export interface MemoryUse {
  /** Everything resident, the program's file-backed pages included. */
  readonly rss: number;
  /** Anonymous memory: what a memory limit can't reclaim. */
  readonly anonymous: number;
  /** The most that was ever resident. */
  readonly peak: number;
}

/** VmRSS, RssAnon and VmHWM of proc_pid_status(5). */
export function memoryOf(pid: number): MemoryUse {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return (Number(kib) * 1024) / 1e6;
  };
  return { rss: field("VmRSS"), anonymous: field("RssAnon"), peak: field("VmHWM") };
}

/** USER_HZ, the unit of proc_pid_stat(5), is 100 on every architecture of Linux that Bun runs on. */
const ticksPerSecond = 100;

/** CPU time a process has used in user and kernel mode, seconds, to 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field, the name in parentheses, may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
