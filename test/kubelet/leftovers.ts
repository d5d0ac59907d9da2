import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { containerdSocket, dataDir, kubeletRoot, kubeletRootMarker, runDir } from "./paths.ts";
import { waitFor } from "./wait.ts";

/**
 * Undoes whatever a run left, ended or killed: processes, mounts, files. It knows its own by their
 * command lines and directories, and touches no other containerd or kubelet.
 */
export async function removeLeftovers(): Promise<void> {
  await killAll();
  for (const mount of mountsBelow([runDir, dataDir, kubeletRoot])) {
    Bun.spawnSync(["umount", "--lazy", mount]);
  }
  rmSync(runDir, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
  if (existsSync(kubeletRootMarker)) rmSync(kubeletRoot, { recursive: true, force: true });
}

/**
 * The kubelet first, or it would restart containers; then containerd, or it would see them die; then
 * each shim with the containers it is the parent of.
 */
async function killAll(): Promise<void> {
  const daemons = processes().filter(
    ({ args }) =>
      args.includes(join(runDir, "kubelet.json")) || args.includes(join(runDir, "containerd.toml")),
  );
  await killAndWait(daemons.map(({ pid }) => pid));
  const all = processes();
  const shims = all.filter(({ args }) => args.includes(containerdSocket)).map(({ pid }) => pid);
  const containers = all.filter(({ parent }) => shims.includes(parent)).map(({ pid }) => pid);
  await killAndWait([...containers, ...shims]);
}

async function killAndWait(pids: number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  await waitFor(`end of processes ${pids.join(", ")}`, 10_000, () => {
    const living = new Set(processes().map(({ pid }) => pid));
    return pids.some((pid) => living.has(pid)) ? undefined : true;
  });
}

interface Process {
  pid: number;
  parent: number;
  args: string[];
}

/** Living processes; one that has ended but was not waited for is none. */
function processes(): Process[] {
  const found: Process[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const args = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      // "pid (command) state parent …"; the command may hold anything, parentheses too.
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      if (stat[0] !== "Z") found.push({ pid: Number(entry), parent: Number(stat[1]), args });
    } catch {
      // It ended while we read.
    }
  }
  return found;
}

/** Mount points in or below the directories, innermost first. */
function mountsBelow(directories: string[]): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
  return lines
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => directories.some((dir) => path === dir || path.startsWith(`${dir}/`)))
    .sort((a, b) => b.length - a.length);
}
