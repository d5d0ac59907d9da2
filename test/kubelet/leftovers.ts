import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { options } from "../../src/config/options.ts";
import { taskDir } from "./containerd.ts";
import { claim } from "./owner.ts";
import {
  containerdSocket,
  dataDir,
  kubeletRoot,
  kubeletRootMarker,
  manifestDir,
  runDir,
  workDir,
} from "./paths.ts";
import { cniState, removePodNetwork } from "./pod-network.ts";
import { living } from "./processes.ts";
import { waitFor } from "./wait.ts";

/**
 * Undoes whatever a run left, ended or killed: processes, mounts, files. It knows its own by their
 * command lines and directories, and touches no other containerd or kubelet.
 */
export async function removeLeftovers(): Promise<void> {
  await killAll();
  removeContainers();
  removeLogLinks();
  removePodNetwork();
  removeMadeDirectories();
  const directories = [runDir, dataDir];
  if (existsSync(kubeletRootMarker)) directories.push(kubeletRoot);
  for (const mount of mountsBelow(directories)) Bun.spawnSync(["umount", "--lazy", mount]);
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  await removeControlGroups();
}

/**
 * What containers' control groups were in, of either hierarchy. They are gone a moment after their last process; one
 * that isn't empty then is in use by others.
 */
async function removeControlGroups(): Promise<void> {
  const root = "/sys/fs/cgroup";
  const groups = ["", ...readdirSync(root)].map((name) => join(root, name, "k8s.io"));
  const present = () => groups.filter((group) => existsSync(group));
  for (let attempt = 0; attempt < 10 && present().length > 0; attempt++) {
    if (attempt > 0) await Bun.sleep(100);
    for (const group of present()) {
      try {
        rmdirSync(group);
      } catch {
        // EBUSY, or another process was quicker.
      }
    }
  }
}

/** What shims and runc keep outside of our directories, at fixed places: their state, cgroups and sockets. */
function removeContainers(): void {
  if (!existsSync(taskDir)) return;
  for (const id of readdirSync(taskDir)) {
    const root = ["--root", "/run/containerd/runc/k8s.io"];
    Bun.spawnSync(["runc", ...root, "delete", "--force", id], { stderr: "ignore" });
    const address = join(taskDir, id, "address");
    if (!existsSync(address)) continue;
    const socket = readFileSync(address, "utf8").replace(/^unix:\/\//, "");
    if (dirname(socket) === "/run/containerd/s") rmSync(socket, { force: true });
  }
}

/** What pods of the plugin keep on the host, at the paths of the manifests. */
const pluginDirectories = ["/var/lib/video-device-plugin", "/run/video-device-plugin"];

/** Makes this machine the node of this process, with nothing of an earlier run. */
export async function takeMachine(): Promise<void> {
  await removeLeftovers();
  for (const dir of [runDir, manifestDir, workDir]) mkdirSync(dir, { recursive: true });
  claim();
  noteMissing([cniState, options.cdiDir.default, ...pluginDirectories]);
}

/**
 * The plugin's directory on the host if it isn't these tests': cordons in it would hold back devices, and a plugin of
 * this machine would lose its state.
 */
export function foreignPluginDirectory(): string | undefined {
  const made = noted();
  return pluginDirectories.find((path) => existsSync(path) && !made.includes(path));
}

/**
 * Notes which of these directories of the host aren't there: pods will have them made, and {@link removeLeftovers}
 * removes them. Those that are there already belong to others.
 */
export function noteMissing(paths: readonly string[]): void {
  const missing = paths.filter((path) => !existsSync(path));
  appendFileSync(madeDirectories, missing.map((path) => `${path}\n`).join(""));
}

const madeDirectories = join(runDir, "made-directories");

function noted(): string[] {
  if (!existsSync(madeDirectories)) return [];
  return readFileSync(madeDirectories, "utf8")
    .split("\n")
    .filter((path) => path !== "");
}

function removeMadeDirectories(): void {
  for (const path of noted()) rmSync(path, { recursive: true, force: true });
}

/** The kubelet's links to container logs, in a directory that it takes from no configuration. */
function removeLogLinks(): void {
  const links = "/var/log/containers";
  if (!existsSync(links)) return;
  for (const link of readdirSync(links).map((name) => join(links, name))) {
    const ours = lstatSync(link).isSymbolicLink() && readlinkSync(link).startsWith(`${runDir}/`);
    if (ours) rmSync(link);
  }
}

/**
 * The kubelet and its plugins first, or it would restart containers; then containerd, or it would see them die; then
 * each shim with the containers it is the parent of.
 */
async function killAll(): Promise<void> {
  const daemons = living().filter(
    ({ args }) =>
      args.includes(join(runDir, "kubelet.json")) ||
      args.includes(join(runDir, "containerd.toml")) ||
      args.some((arg) => arg.startsWith(`--simulated-dir=${workDir}/`)),
  );
  await killAndWait(daemons.map(({ pid }) => pid));
  const all = living();
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
    const left = new Set(living().map(({ pid }) => pid));
    return pids.some((pid) => left.has(pid)) ? undefined : true;
  });
}

/** Mount points in or below the directories, innermost first. */
function mountsBelow(directories: string[]): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
  return lines
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => directories.some((dir) => path === dir || path.startsWith(`${dir}/`)))
    .sort((a, b) => b.length - a.length);
}
