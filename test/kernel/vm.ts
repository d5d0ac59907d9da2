import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveFile, filesUnder, writeInitramfs } from "./cpio.ts";
import type { ModuleVersion } from "./provision.ts";
import { parseReport, type VmReport } from "./report.ts";

/** A machine to boot. */
export interface VmRequest {
  /** What `provision()` returned. */
  readonly directory: string;
  /** The v4l2loopback in /lib/modules, or "none" for a node that has no such module. */
  readonly moduleVersion: ModuleVersion | "none";
  /** More files, by their absolute path in the VM. */
  readonly files?: Readonly<Record<string, ArchiveFile>>;
  /** What to run: POSIX shell (busybox) with the functions of guest/lib.sh. */
  readonly script: string;
  /** The script's limit; at its end it is killed and what it left in /log still comes out. */
  readonly timeoutSeconds: number;
  /** More of the kernel's command line, such as "module_blacklist=v4l2loopback". */
  readonly kernelArguments?: string;
}

/** How it went. */
export interface VmResult extends VmReport {
  readonly exitCode: number;
  /** The first serial port: the kernel's messages, and the script's stdout and stderr. */
  readonly console: string;
  /** From building the initramfs to QEMU's exit. */
  readonly totalSeconds: number;
}

/** Firmware, kernel and handing over take about 6 s when idle; a busy machine gets ten times that. */
const OVERHEAD_SECONDS = 60;
const KERNEL_ARGUMENTS = ["console=ttyS0", "loglevel=4", "panic=-1"];
/** GNU timeout's exit code after SIGKILL. */
const KILLED = 137;
/** All that a Bun-compiled binary is linked to (`readelf -d`); dlopen finds them by default paths. */
const LIBRARIES = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"];
const LIBRARY_DIRECTORY = "lib/x86_64-linux-gnu";

/**
 * Boots a VM, runs the script in it and powers it off. Emulated, never KVM: a test must not depend on
 * what the machine's hypervisor allows.
 *
 * @throws Error with the console's end if the VM hung past its time, crashed, or didn't start.
 */
export async function bootVm(request: VmRequest): Promise<VmResult> {
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), "vm-"));
  const path = (name: string) => join(work, name);
  try {
    writeInitramfs(path("initramfs"), guestFiles(request));
    const limit = request.timeoutSeconds + OVERHEAD_SECONDS;
    const qemu = Bun.spawn(
      // timeout(1) ends the VM even if this process is killed first.
      ["timeout", "--signal=KILL", String(limit), ...qemuCommand(request, path)],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const [stderr, code] = await Promise.all([qemu.stderr.text(), qemu.exited]);
    const console = textOf(path("console"));
    const report = parseReport(textOf(path("report")));
    const { exitCode } = report;
    if (exitCode === undefined) {
      const how = code === KILLED ? `hung, killed after ${limit} s` : `ended early (QEMU: ${code})`;
      throw new Error(`the VM ${how}\n${stderr}${consoleTail(console)}`);
    }
    const totalSeconds = (performance.now() - started) / 1000;
    return { ...report, exitCode, console, totalSeconds };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** What went wrong, for a person: failed checks, the exit code, the console's end. "" if nothing did. */
export function failures(result: VmReport & { readonly console: string }): string {
  const failed = result.checks.filter((check) => !check.passed);
  if (failed.length === 0 && result.exitCode === 0 && !result.timedOut) return "";
  return [
    ...failed.map((check) => `FAILED ${check.name}\n${check.detail}`),
    result.timedOut ? "the script ran into its time limit" : `exit code ${result.exitCode}`,
    consoleTail(result.console),
  ].join("\n");
}

/**
 * What a kernel needs to be told where it is emulated on a busy machine (Documentation/admin-guide/
 * kernel-parameters.txt): there, measuring the CPU's speed fails, and a clock other than the TSC costs a
 * device access a reading. `directory` is what `provision()` returned.
 */
export function emulationArguments(directory: string): string[] {
  const { stdout } = Bun.spawnSync([join(directory, "tsc-khz")]);
  return [
    ...["tsc=reliable", `tsc_early_khz=${stdout.toString().trim()}`, "lpj=4000000"],
    ...["no_timer_check", "nokaslr", "mitigations=off"],
    // An emulated CPU or disk that gets no time is no complaint of the kernel's about what runs on it.
    ...[
      "rcupdate.rcu_cpu_stall_suppress=1",
      "nowatchdog",
      "sysctl.kernel.hung_task_timeout_secs=0",
    ],
  ];
}

function guestFiles(request: VmRequest): Map<string, ArchiveFile> {
  const guest = (name: string) => ({ from: join(import.meta.dir, "guest", name) });
  const debian = (name: string) => ({ from: join(request.directory, "kernel", name) });
  return new Map<string, ArchiveFile>([
    ["/init", { text: readFileSync(guest("init.sh").from, "utf8"), mode: 0o755 }],
    ["/vm/lib.sh", guest("lib.sh")],
    ["/vm/script.sh", { text: `. /vm/lib.sh\n${request.script}\n` }],
    ["/vm/limit", { text: String(request.timeoutSeconds) }],
    ["/etc/passwd", { text: "root:x:0:0:root:/root:/bin/sh\n" }],
    ["/etc/group", { text: "root:x:0:\nvideo:x:44:\n" }],
    ["/etc/hosts", { text: "127.0.0.1 localhost vm-node\n" }],
    ["/bin/busybox", debian("bin/busybox")],
    ["/bin/flock", debian("usr/bin/flock")],
    ["/bin/v4l2-tool", { from: join(request.directory, "v4l2-tool") }],
    ["/lib64/ld-linux-x86-64.so.2", debian(`${LIBRARY_DIRECTORY}/ld-linux-x86-64.so.2`)],
    ...LIBRARIES.map((name) => `${LIBRARY_DIRECTORY}/${name}`).map(
      (name): [string, ArchiveFile] => [`/${name}`, debian(name)],
    ),
    ...filesUnder(join(request.directory, "trees", request.moduleVersion), "/"),
    ...Object.entries(request.files ?? {}),
  ]);
}

function qemuCommand(request: VmRequest, path: (name: string) => string): string[] {
  return [
    ...["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ...["-kernel", join(request.directory, kernelOf(request.moduleVersion), "vmlinux")],
    // Not compressed: QEMU copies it at once, while the guest would take seconds to decompress it.
    ...["-initrd", path("initramfs")],
    // ttyS0 is the console, ttyS1 the report.
    ...["-serial", `file:${path("console")}`, "-serial", `file:${path("report")}`],
    "-append",
    [
      ...[...KERNEL_ARGUMENTS, ...emulationArguments(request.directory)],
      request.kernelArguments ?? "",
    ].join(" "),
  ];
}

/** As provision.sh's kernel_directory. */
function kernelOf(version: VmRequest["moduleVersion"]): string {
  const [, kernel] = version.split("@");
  return kernel === undefined ? "kernel" : `kernel-${kernel}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // QEMU didn't get as far as opening it
  }
}

function consoleTail(console: string): string {
  return ["--- console's end ---", ...console.trimEnd().split(/\r?\n/).slice(-40)].join("\n");
}
