import { readdirSync, readFileSync } from "node:fs";

/** A process of this machine. */
export interface Process {
  pid: number;
  parent: number;
  /** Clock ticks between boot and its start: with the ID, what distinguishes it from a later one of the same ID. */
  started: string;
  args: string[];
}

/** All processes but those that have ended and were not waited for. */
export function living(): Process[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => livingProcess(Number(entry)))
    .filter((process) => process !== undefined);
}

/** One process, or undefined if it has ended. Fields: proc_pid_stat(5). */
export function livingProcess(pid: number): Process | undefined {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    // "pid (command) state parent …"; the command may hold anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    if (stat[0] === "Z") return undefined;
    return { pid, parent: Number(stat[1]), started: stat[19] ?? "", args };
  } catch {
    return undefined;
  }
}
