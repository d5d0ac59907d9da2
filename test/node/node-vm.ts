import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type ArchiveFile, writeInitramfs } from "../kernel/cpio.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { parseReport, type VmReport } from "../kernel/report.ts";
import { emulationArguments } from "../kernel/vm.ts";
import { imageArchive } from "../kubelet/image.ts";

/** What a node is made of: a Debian with systemd, containerd and a kubelet, and the real v4l2loopback. */
export interface NodeDisks {
  /** What provision.sh printed. */
  readonly directory: string;
  readonly moduleVersion: ModuleVersion;
  /**
   * Files and directories of the host, by what they are called in the node's /story. What is in its `root` is laid over
   * the node's files at each boot.
   */
  readonly story: Readonly<Record<string, string>>;
  /** More of the kernel's modules to load before systemd starts, with what they need. */
  readonly modules?: readonly string[];
}

/** A node to boot, and what happens on it. */
export interface NodeRequest extends NodeDisks {
  /** What to run at each boot: bash with the functions of test/kernel/guest/lib.sh. Ends with `report exit 0`. */
  readonly script: string;
  readonly timeoutSeconds: number;
}

export interface NodeResult extends VmReport {
  readonly console: string;
  readonly totalSeconds: number;
}

const root = join(import.meta.dir, "../..");
const KERNEL_ARGUMENTS = [
  ...["console=ttyS0", "loglevel=4", "panic=-1", "systemd.show_status=0", "rw"],
];

/**
 * Boots a node and waits until it has powered itself off. Its disk is new; a reboot in between keeps it.
 *
 * @throws Error with the console's end if it hung past its time or never said how it went.
 */
export async function bootNode(request: NodeRequest): Promise<NodeResult> {
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), "node-"));
  const path = (name: string) => join(work, name);
  try {
    const script = path("script.sh");
    writeFileSync(script, `. /story/lib.sh\n. /story/node.sh\n${request.script}\n`);
    makeDisks({ ...request, story: { "story.sh": script, ...request.story } }, work);
    const limit = request.timeoutSeconds;
    const qemu = Bun.spawn(nodeCommand(request.directory, work, limit), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [stderr, code] = await Promise.all([qemu.stderr.text(), qemu.exited]);
    const console = textOf(path("console"));
    const report = parseReport(textOf(path("report")));
    if (report.exitCode === undefined) {
      const how = code === 137 ? `hung, killed after ${limit} s` : `ended early (QEMU: ${code})`;
      const checks = report.checks.map(({ name, passed }) => `${passed ? "ok" : "FAILED"} ${name}`);
      const end = console.trimEnd().split(/\r?\n/).slice(-60);
      throw new Error(
        [`the node ${how}`, stderr, ...checks, "--- console's end ---", ...end].join("\n"),
      );
    }
    return { ...report, console, totalSeconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Writes the files in `work` that {@link nodeCommand} boots from. */
export function makeDisks(request: NodeDisks, work: string): void {
  run(["cp", "--sparse=always", join(request.directory, "root.ext4"), join(work, "root")]);
  writeStoryDisk(request, work);
  writeInitramfs(join(work, "initramfs"), initramfs(request));
}

/** The second disk: this story's files, as /story. */
function writeStoryDisk(request: NodeDisks, work: string): void {
  const disk = join(work, "story");
  mkdirSync(disk);
  const kernel = join(dirname(request.directory), "kernel");
  const release = readFileSync(join(kernel, "kernel/release"), "utf8").trim();
  const modules = join(kernel, "trees", request.moduleVersion, "lib/modules", release);
  const busybox = join(kernel, "kernel/bin/busybox");
  copyFileSync(join(modules, "updates/dkms/v4l2loopback.ko"), join(disk, "v4l2loopback.ko"));
  for (const name of ["prepare.sh", "network.sh", "node.sh"]) {
    copyFileSync(join(import.meta.dir, "guest", name), join(disk, name));
  }
  copyFileSync(join(root, "test/kernel/guest/lib.sh"), join(disk, "lib.sh"));
  writeFileSync(join(disk, "busybox.tar"), imageArchive(busybox));
  for (const [name, from] of Object.entries(request.story)) {
    if (!existsSync(from)) throw new Error(`there is no ${from}`);
    mkdirSync(join(disk, dirname(name)), { recursive: true });
    cpSync(from, join(disk, name), { recursive: true });
  }
  run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", disk, join(work, "story.ext4"), "1G"]);
  rmSync(disk, { recursive: true });
}

function initramfs({ directory, modules: more = [] }: NodeDisks): Map<string, ArchiveFile> {
  const early = readFileSync(join(directory, "early-modules"), "utf8").trim().split("\n");
  const kernel = join(dirname(directory), "kernel/kernel");
  const release = readFileSync(join(kernel, "release"), "utf8").trim();
  const modules = join(kernel, "lib/modules", release);
  const order = [...new Set([...early, ...more.flatMap((name) => dependencies(name, modules))])];
  const init = readFileSync(join(import.meta.dir, "guest/init.sh"), "utf8");
  return new Map<string, ArchiveFile>([
    ["/init", { text: init, mode: 0o755 }],
    ["/bin/busybox", { from: join(kernel, "bin/busybox") }],
    ["/early-modules", { text: order.map((file) => `${basename(file)}\n`).join("") }],
    ...order.map((file): [string, ArchiveFile] => [
      `/modules/${basename(file)}`,
      { from: join(modules, file) },
    ]),
  ]);
}

/** A module's file below `modules`, after those of the modules that it needs (modules.dep(5)). */
function dependencies(name: string, modules: string): string[] {
  const lines = readFileSync(join(modules, "modules.dep"), "utf8").split("\n");
  const line = lines.find((each) => basename(each.split(":")[0] ?? "") === `${name}.ko`);
  if (line === undefined) throw new Error(`${modules} has no module ${name}`);
  const [file = "", needed = ""] = line.split(":");
  return [...needed.split(" ").filter(Boolean).toReversed(), file];
}

/** How a node differs from one that has no network and plays a story. */
export interface NodeOptions {
  /** More arguments of QEMU. */
  readonly qemu?: readonly string[];
  /** More arguments of the kernel. */
  readonly kernel?: readonly string[];
}

/** Boots what {@link makeDisks} made in `work`. timeout(1) ends the VM even if this process is killed first. */
export function nodeCommand(
  directory: string,
  work: string,
  limitSeconds: number,
  options: NodeOptions = {},
): string[] {
  const path = (name: string) => join(work, name);
  const disk = (name: string) => `file=${path(name)},if=virtio,format=raw,cache=unsafe`;
  return [
    ...["timeout", "--signal=KILL", String(limitSeconds)],
    ...["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "3072"],
    ...["-kernel", join(dirname(directory), "kernel/kernel/vmlinux")],
    ...["-initrd", path("initramfs")],
    ...["-drive", disk("root"), "-drive", disk("story.ext4")],
    // ttyS0 is the console, ttyS1 the report.
    ...["-serial", `file:${path("console")}`, "-serial", `file:${path("report")}`],
    ...(options.qemu ?? []),
    "-append",
    [
      ...KERNEL_ARGUMENTS,
      ...emulationArguments(join(dirname(directory), "kernel")),
      ...(options.kernel ?? []),
    ].join(" "),
  ];
}

function run(command: string[]): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // QEMU didn't get as far as opening it
  }
}
