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

/** A node to boot: a Debian with systemd, containerd, the real kubelet and the real v4l2loopback. */
export interface NodeRequest {
  /** What provision.sh printed. */
  readonly directory: string;
  readonly moduleVersion: ModuleVersion;
  /** Files and directories of the host, by what they are called in the node's /story. */
  readonly story: Readonly<Record<string, string>>;
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
    run(["cp", "--sparse=always", join(request.directory, "root.ext4"), path("root")]);
    writeStoryDisk(request, work);
    writeInitramfs(path("initramfs"), initramfs(request.directory));
    const limit = request.timeoutSeconds;
    const qemu = Bun.spawn(
      ["timeout", "--signal=KILL", String(limit), ...qemuCommand(request.directory, path)],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
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

/** The second disk: this story's files, as /story. */
function writeStoryDisk(request: NodeRequest, work: string): void {
  const disk = join(work, "story");
  mkdirSync(disk);
  const kernel = join(dirname(request.directory), "kernel");
  const release = readFileSync(join(kernel, "kernel/release"), "utf8").trim();
  const modules = join(kernel, "trees", request.moduleVersion, "lib/modules", release);
  const busybox = join(kernel, "kernel/bin/busybox");
  copyFileSync(join(modules, "updates/dkms/v4l2loopback.ko"), join(disk, "v4l2loopback.ko"));
  copyFileSync(join(import.meta.dir, "guest/prepare.sh"), join(disk, "prepare.sh"));
  copyFileSync(join(root, "test/kernel/guest/lib.sh"), join(disk, "lib.sh"));
  copyFileSync(join(import.meta.dir, "guest/node.sh"), join(disk, "node.sh"));
  writeFileSync(join(disk, "busybox.tar"), imageArchive(busybox));
  writeFileSync(join(disk, "story.sh"), `. /story/lib.sh\n. /story/node.sh\n${request.script}\n`);
  for (const [name, from] of Object.entries(request.story)) {
    if (!existsSync(from)) throw new Error(`there is no ${from}`);
    mkdirSync(join(disk, dirname(name)), { recursive: true });
    cpSync(from, join(disk, name), { recursive: true });
  }
  run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", disk, join(work, "story.ext4"), "1G"]);
  rmSync(disk, { recursive: true });
}

function initramfs(directory: string): Map<string, ArchiveFile> {
  const order = readFileSync(join(directory, "early-modules"), "utf8").trim().split("\n");
  const kernel = join(dirname(directory), "kernel/kernel");
  const release = readFileSync(join(kernel, "release"), "utf8").trim();
  const modules = join(directory, "modules/lib/modules", release);
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

function qemuCommand(directory: string, path: (name: string) => string): string[] {
  const disk = (name: string) => `file=${path(name)},if=virtio,format=raw,cache=unsafe`;
  return [
    ...["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "3072"],
    ...["-kernel", join(dirname(directory), "kernel/kernel/vmlinux")],
    ...["-initrd", path("initramfs")],
    ...["-drive", disk("root"), "-drive", disk("story.ext4")],
    // ttyS0 is the console, ttyS1 the report.
    ...["-serial", `file:${path("console")}`, "-serial", `file:${path("report")}`],
    "-append",
    [...KERNEL_ARGUMENTS, ...emulationArguments(join(dirname(directory), "kernel"))].join(" "),
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
