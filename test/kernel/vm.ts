import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveFile, filesUnder, writeInitramfs } from "./cpio.ts";
import type { ModuleVersion } from "./provision.ts";
import { parseReports, type VmReport } from "./report.ts";

/** A machine to boot. */
export interface VmMachine {
  /** What `provision()` returned. */
  readonly directory: string;
  /** The v4l2loopback in /lib/modules, or "none" for a node that has no such module. */
  readonly moduleVersion: ModuleVersion | "none";
  /** More files, by their absolute path in the VM. */
  readonly files?: Readonly<Record<string, ArchiveFile>>;
  /** More of the kernel's command line, such as "module_blacklist=v4l2loopback". */
  readonly kernelArguments?: string;
  /** A disk image on the host, /dev/vda in the VM. What the VM writes to it is lost at its end. */
  readonly disk?: string;
}

/** Something to run on it. */
export interface VmScript {
  /** Unlike that of the others on the same machine. */
  readonly name: string;
  /** POSIX shell (busybox) with the functions of guest/lib.sh. */
  readonly script: string;
  /** Its limit, s; at its end it is killed and what it left in /log still comes out. */
  readonly timeoutSeconds: number;
}

/** A machine for one script. */
export interface VmRequest extends VmMachine, Omit<VmScript, "name"> {}

/** How a machine fared. */
export interface VmRun {
  readonly bootSeconds: number;
  /** From building the initramfs to QEMU's exit. */
  readonly totalSeconds: number;
  /** How it ended if not by powering itself off after the last script, with the console's end; else "". */
  readonly crash: string;
  /**
   * @returns what came of a script that came to its end.
   * @throws Error with {@link crash} if it didn't.
   */
  resultOf(name: string): VmResult;
}

/** What came of a script. */
export interface VmResult extends VmReport {
  readonly exitCode: number;
  /** The machine's first serial port: the kernel's messages, and all scripts' stdout and stderr. */
  readonly console: string;
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
 * Boots a VM, runs the scripts in it one after the other, and powers it off. Each begins without a module, a device or
 * a file of the one before it, and fails if it left something that can't be taken away (guest/init.sh). Emulated, never
 * KVM: a test must not depend on what the machine's hypervisor allows.
 */
export async function runVm(machine: VmMachine, scripts: readonly VmScript[]): Promise<VmRun> {
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), "vm-"));
  const path = (name: string) => join(work, name);
  try {
    writeInitramfs(path("initramfs"), guestFiles(machine, scripts));
    const seconds = scripts.reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds, 0);
    const limit = seconds + OVERHEAD_SECONDS;
    const qemu = Bun.spawn(
      // timeout(1) ends the VM even if this process is killed first.
      ["timeout", "--signal=KILL", String(limit), ...qemuCommand(machine, path)],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const [stderr, code] = await Promise.all([qemu.stderr.text(), qemu.exited]);
    const console = textOf(path("console"));
    const reports = parseReports(textOf(path("report")));
    const how =
      code === KILLED ? `hung: killed after ${limit} s` : `ended early: QEMU's exit code ${code}`;
    const crash = [`the VM ${how}`, stderr, consoleTail(console)].join("\n");
    const hasEnded = ({ name }: VmScript) => reports.scripts.get(name)?.exitCode !== undefined;
    return {
      bootSeconds: reports.bootSeconds,
      totalSeconds: (performance.now() - started) / 1000,
      crash: scripts.every(hasEnded) ? "" : crash,
      resultOf(name) {
        const report = reports.scripts.get(name);
        if (report?.exitCode === undefined) throw new Error(crash);
        return { ...report, exitCode: report.exitCode, console };
      },
    };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/**
 * {@link runVm} with one script.
 *
 * @throws Error with the console's end if the VM hung past its time, crashed, or didn't start.
 */
export async function bootVm(
  request: VmRequest,
): Promise<VmResult & Pick<VmRun, "bootSeconds" | "totalSeconds">> {
  const run = await runVm(request, [{ ...request, name: "script" }]);
  const { bootSeconds, totalSeconds } = run;
  return { ...run.resultOf("script"), bootSeconds, totalSeconds };
}

/** Failed checks, the exit code, the console's end, as text. "" if nothing failed. */
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
 * Kernel arguments where the machine is emulated on a busy machine (Documentation/admin-guide/
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

function guestFiles(machine: VmMachine, scripts: readonly VmScript[]): Map<string, ArchiveFile> {
  const guest = (name: string) => ({ from: join(import.meta.dir, "guest", name) });
  const debian = (name: string) => ({ from: join(machine.directory, "kernel", name) });
  return new Map<string, ArchiveFile>([
    ["/init", { text: readFileSync(guest("init.sh").from, "utf8"), mode: 0o755 }],
    ["/vm/lib.sh", guest("lib.sh")],
    ...scripts.flatMap(({ name, script, timeoutSeconds }, index): [string, ArchiveFile][] => {
      const directory = `/vm/scripts/${String(index).padStart(2, "0")}`;
      return [
        [`${directory}/name`, { text: name }],
        [`${directory}/limit`, { text: String(timeoutSeconds) }],
        [`${directory}/script.sh`, { text: `. /vm/lib.sh\n${script}\n` }],
      ];
    }),
    ["/etc/passwd", { text: "root:x:0:0:root:/root:/bin/sh\n" }],
    ["/etc/group", { text: "root:x:0:\nvideo:x:44:\n" }],
    ["/etc/hosts", { text: "127.0.0.1 localhost vm-node\n" }],
    ["/bin/busybox", debian("bin/busybox")],
    ["/bin/flock", debian("usr/bin/flock")],
    ...["v4l2-tool", "usb-camera"].map((name): [string, ArchiveFile] => [
      `/bin/${name}`,
      { from: join(machine.directory, name) },
    ]),
    ["/lib64/ld-linux-x86-64.so.2", debian(`${LIBRARY_DIRECTORY}/ld-linux-x86-64.so.2`)],
    ...LIBRARIES.map((name) => `${LIBRARY_DIRECTORY}/${name}`).map(
      (name): [string, ArchiveFile] => [`/${name}`, debian(name)],
    ),
    ...filesUnder(join(machine.directory, "trees", machine.moduleVersion), "/"),
    ...Object.entries(machine.files ?? {}),
  ]);
}

function qemuCommand(machine: VmMachine, path: (name: string) => string): string[] {
  return [
    ...["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ...["-kernel", join(machine.directory, kernelOf(machine.moduleVersion), "vmlinux")],
    // Not compressed: QEMU copies it at once, while the guest would take seconds to decompress it.
    ...["-initrd", path("initramfs")],
    ...(machine.disk === undefined
      ? []
      : ["-drive", `file=${machine.disk},if=virtio,format=raw,snapshot=on`]),
    // ttyS0 is the console, ttyS1 the report.
    ...["-serial", `file:${path("console")}`, "-serial", `file:${path("report")}`],
    "-append",
    [
      ...[...KERNEL_ARGUMENTS, ...emulationArguments(machine.directory)],
      machine.kernelArguments ?? "",
    ].join(" "),
  ];
}

/** The directory of a version's kernel in the cache, as provision.sh's kernel_directory. */
export function kernelOf(version: VmMachine["moduleVersion"]): string {
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
  return ["--- console's end ---", ...console.trimEnd().split(/\r?\n/).slice(-80)].join("\n");
}
