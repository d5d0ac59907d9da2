import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoopbackKernel, NodeView } from "../../src/drivers/loopback/kernel.ts";
import { moduleName } from "../../src/drivers/loopback/module/modules-dep.ts";
import { type DeviceNumber, formatDevice } from "../../src/linux/device-number.ts";
import { ErrnoError } from "../../src/linux/errno-error.ts";
import type { OpenWatch } from "../../src/linux/open-watch.ts";
import type { UeventSource } from "../../src/linux/uevents.ts";
import type { VideoFile } from "../../src/v4l2/video-file.ts";
import { fourcc } from "../../src/v4l2/video-structs.ts";
import { FakeVideoDevice } from "./fake-video-device.ts";
import { parseArray, parseParams } from "./kernel-params.ts";

/** Errors of the fake, by number: include/uapi/asm-generic/errno-base.h. */
const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EAGAIN: 11,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EROFS: 30,
  ENOSYS: 38,
} as const;

export interface FakeKernelOptions {
  /** 0.12.7 has no control device; 0.15.4 has one. Default 0.15.4. */
  readonly version?: "0.12.7" | "0.15.1" | "0.15.4";
  /** As `uname -r` prints it. Default: Ubuntu's 6.8. */
  readonly kernelRelease?: string;
  /** True if v4l2loopback is a part of the kernel: loaded from the start, never unloaded, without a file. Default false. */
  readonly builtIn?: boolean;
  /** Milliseconds between a device's entry in sysfs and its node in the device directory. Default 0. */
  readonly nodeDelayMs?: number;
  /** True if device nodes appear without mknod. Default true. */
  readonly devtmpfs?: boolean;
}

interface FakeDevice {
  readonly minor: number;
  readonly label: string;
  readonly exclusive: boolean;
  readonly loopback: boolean;
  readonly maxBuffers: number;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly inside: FakeVideoDevice;
}

type DeviceMake = Pick<FakeDevice, "label" | "exclusive" | "loopback"> &
  Partial<Pick<FakeDevice, "maxBuffers" | "maxWidth" | "maxHeight">>;

/**
 * A kernel with v4l2loopback in a directory: `sys`, `dev` and `lib/modules` trees that behave as measured with the real
 * module (numbers that shift, parameters that apply to one device only, failures without an error). A device node is a
 * file with the text `c 81:3`.
 */
export class FakeLoopbackKernel implements LoopbackKernel {
  readonly root = mkdtempSync(join(tmpdir(), "fake-kernel-"));
  readonly sysfsDir = join(this.root, "sys");
  readonly deviceDir = join(this.root, "dev");
  readonly modulesDir = join(this.root, "lib/modules");
  readonly kernelRelease: string;
  readonly loaded = new Set<string>();
  /** All changes, in order: `finit videodev.ko`, `add 10`, `remove 10`, `mknod video10`. */
  readonly journal: string[] = [];
  /** Errors of the next module loads, by module name; each occurs once. */
  readonly failures: [module: string, errno: number][] = [];
  /** Parameters of another program that loads v4l2loopback just before the driver does. */
  raceWith: string | undefined;
  /** Called right after the next load, before the driver inspects its result. */
  afterLoad: (() => void) | undefined;
  /** True if /sys is read-only, as in a container that isn't privileged. */
  sysfsReadOnly = false;
  /** True if the control device exists but can't be opened, as under a device cgroup. */
  controlForbidden = false;
  /** True if the device cgroup forbids to open any device of the host. */
  devicesForbidden = false;
  /** Contents of removed devices' buffers, which the next allocation may return without init_on_alloc. */
  readonly givenBack: Uint8Array[] = [];
  uevents: (() => UeventSource) | undefined;
  /** Called before each entry of {@link journal}; may throw, to simulate a kill. */
  before: ((entry: string) => void) | undefined;
  private readonly devices = new Map<number, FakeDevice>();
  /** Devices of the files in the device directory, by inode. */
  private readonly nodes = new Map<number, DeviceNumber>();
  private readonly options: Required<FakeKernelOptions>;

  constructor(options: FakeKernelOptions = {}) {
    this.options = {
      ...{ version: "0.15.4", kernelRelease: "6.8.0-151-generic" },
      ...{ builtIn: false, nodeDelayMs: 0, devtmpfs: true },
      ...options,
    };
    this.kernelRelease = this.options.kernelRelease;
    for (const dir of ["sys/module", "sys/class/video4linux", "sys/class/misc", "dev"]) {
      mkdirSync(join(this.root, dir), { recursive: true });
    }
    this.installModules({
      "kernel/drivers/media/mc/mc.ko": "",
      "kernel/drivers/media/v4l2-core/videodev.ko": "kernel/drivers/media/mc/mc.ko",
      ...(!this.options.builtIn && {
        "kernel/v4l2loopback/v4l2loopback.ko":
          "kernel/drivers/media/v4l2-core/videodev.ko kernel/drivers/media/mc/mc.ko",
      }),
    });
    if (!this.options.builtIn) return;
    const list = join(this.modulesDir, this.kernelRelease, "modules.builtin");
    writeFileSync(list, "kernel/drivers/media/v4l2loopback.ko\n");
    this.preload("devices=0");
  }

  /** Replaces the module tree: files by path, each with its dependencies in modules.dep. */
  installModules(needs: Readonly<Record<string, string>>): void {
    const tree = join(this.modulesDir, this.kernelRelease);
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(tree, { recursive: true });
    for (const path of Object.keys(needs)) {
      mkdirSync(join(tree, path, ".."), { recursive: true });
      writeFileSync(join(tree, path), `module ${moduleName(path)}`);
    }
    const lines = Object.entries(needs).map(([path, list]) => `${path}: ${list}\n`);
    writeFileSync(join(tree, "modules.dep"), lines.join(""));
  }

  finitModule(path: string, params: string, flags: number): void {
    if (!existsSync(path)) this.fail("open", ERRNO.ENOENT);
    this.note(`finit ${path.slice(path.lastIndexOf("/") + 1)}${flags === 0 ? "" : " 4"}`);
    this.load("finit_module", moduleName(path), params);
  }

  initModule(image: Uint8Array, params: string): void {
    const name = Buffer.from(image).toString().replace("module ", "");
    this.note(`init ${name}`);
    this.load("init_module", name, params);
  }

  deleteModule(name: string): void {
    this.note(`delete ${name}`);
    if (!this.loaded.has(name) || this.options.builtIn) this.fail("delete_module", ERRNO.ENOENT);
    if (this.openers() > 0) this.fail("delete_module", ERRNO.EAGAIN);
    this.unload();
  }

  control(path: string, request: number, arg: number | Uint8Array): number {
    if (!existsSync(path)) this.fail("open", ERRNO.ENOENT);
    if (this.controlForbidden || this.devicesForbidden) this.fail("open", ERRNO.EPERM);
    if (request === 0x4c80 && arg instanceof Uint8Array) return this.add(arg);
    if (request === 0x4c81 && typeof arg === "number") return this.remove(arg);
    if (request === 0x4c82) return this.query(arg);
    return this.fail("ioctl", ERRNO.ENOSYS);
  }

  openVideo(path: string): VideoFile {
    const number = Number(/video(\d+)$/.exec(path)?.[1]);
    const device = this.devices.get(number);
    if (device === undefined || !existsSync(path)) this.fail("open", ERRNO.ENOENT);
    if (this.devicesForbidden) this.fail("open", ERRNO.EPERM);
    this.note(`open ${number}`);
    return device.inside.open();
  }

  zeroMapping(fd: number): void {
    for (const { inside } of this.devices.values()) inside.zero(fd);
  }

  writeAttribute(path: string, text: string): void {
    if (!existsSync(path)) this.fail("open", ERRNO.ENOENT);
    if (this.sysfsReadOnly) this.fail("open", ERRNO.EROFS);
    const [, number, attribute] = /video(\d+)\/(\w+)$/.exec(path) ?? [];
    const device = this.devices.get(Number(number));
    if (device === undefined || attribute !== "max_openers") return;
    if (device.inside.openers > Number(text)) this.fail("write", ERRNO.EINVAL);
    device.inside.maxOpeners = Number(text);
    writeFileSync(path, `${text}\n`);
  }

  lookAt(path: string): NodeView {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return { kind: "absent" };
    const device = stat.isFile() ? this.nodes.get(stat.ino) : undefined;
    if (device === undefined) return { kind: "other", what: "not a character device" };
    const forbidden = this.devicesForbidden;
    return { kind: "character_device", device, ...(forbidden && { forbidden }) };
  }

  makeNode(path: string, device: DeviceNumber): void {
    this.note(`mknod ${path.slice(path.lastIndexOf("/") + 1)}`);
    this.putNode(path, device);
  }

  removeNode(path: string): void {
    rmSync(path, { force: true });
  }

  /** Sees what {@link openVideo} opens. */
  watchOpens(paths: readonly string[]): OpenWatch {
    let at = this.journal.length;
    return {
      opened: () => {
        const entries = this.journal.slice(at);
        at = this.journal.length;
        return paths.filter((path) => entries.includes(`open ${/\d+$/.exec(path)?.[0]}`));
      },
      [Symbol.dispose]: () => undefined,
    };
  }

  /** Removes {@link uevents}, as in a sandbox without such sockets. */
  openUevents(): UeventSource {
    return this.uevents?.() ?? this.fail("socket", ERRNO.EPERM);
  }

  /** Loads the module with these parameters, as the host does. */
  preload(params: string): void {
    this.loaded.add("mc").add("videodev");
    for (const name of this.loaded) this.addModule(name);
    this.load("finit_module", "v4l2loopback", params);
  }

  /** Adds a device of another driver. */
  addForeign(number: number, name: string): void {
    this.register(number, { label: name, exclusive: false, loopback: false });
  }

  /** Adds a device of v4l2loopback, as another program can through the control device. */
  addLoopback(number: number, label: string): void {
    this.register(number, { label, exclusive: true, loopback: true });
  }

  /** Opens a device; the returned function closes it. */
  hold(number: number): () => void {
    const { inside } = this.insideOf(number);
    const file = inside.open();
    return () => file.close();
  }

  /** The inner state of a loopback device. */
  inside(number: number): FakeVideoDevice {
    return this.insideOf(number).inside;
  }

  /** Removes a device even if a process holds it open. */
  unplug(number: number): void {
    this.devices.delete(number);
    rmSync(join(this.sysfsDir, "class/video4linux", `video${number}`), { recursive: true });
    rmSync(join(this.deviceDir, `video${number}`), { force: true });
  }

  /** Starts an unload: the devices are removed, the module is `going`. */
  beginUnload(): void {
    for (const [number, device] of this.devices) if (device.loopback) this.unplug(number);
    writeFileSync(join(this.sysfsDir, "module/v4l2loopback/initstate"), "going\n");
  }

  unload(): void {
    for (const [number, device] of this.devices) if (device.loopback) this.unplug(number);
    this.loaded.delete("v4l2loopback");
    rmSync(join(this.sysfsDir, "module/v4l2loopback"), { recursive: true });
    rmSync(join(this.sysfsDir, "class/misc/v4l2loopback"), { recursive: true, force: true });
    rmSync(join(this.deviceDir, "v4l2loopback"), { force: true });
  }

  /** What the module was made to do for a device, undefined if there is none. */
  device(number: number): Omit<FakeDevice, "inside" | "minor"> | undefined {
    return this.devices.get(number);
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private insideOf(number: number): FakeDevice {
    const device = this.devices.get(number);
    if (device === undefined) throw new Error(`no device ${number}`);
    return device;
  }

  private note(entry: string): void {
    this.before?.(entry);
    this.journal.push(entry);
  }

  private openers(): number {
    return [...this.devices.values()].reduce((sum, { inside }) => sum + inside.openers, 0);
  }

  private fail(syscall: string, errno: number): never {
    throw new ErrnoError(errno, syscall);
  }

  private load(syscall: string, name: string, params: string): void {
    const index = this.failures.findIndex(([module]) => module === name);
    const [failure] = index < 0 ? [] : this.failures.splice(index, 1);
    if (failure !== undefined) this.fail(syscall, failure[1]);
    if (this.loaded.has(name)) this.fail(syscall, ERRNO.EEXIST);
    const needs = { v4l2loopback: "videodev", videodev: "mc" }[name];
    if (needs !== undefined && !this.loaded.has(needs)) this.fail(syscall, ERRNO.ENOENT);
    if (name === "v4l2loopback") this.initLoopback(syscall, this.raceWith ?? params);
    else this.addModule(name);
    this.loaded.add(name);
    if (name === "v4l2loopback") this.afterLoad?.();
  }

  private addModule(name: string): void {
    mkdirSync(join(this.sysfsDir, "module", name, "parameters"), { recursive: true });
  }

  private initLoopback(syscall: string, text: string): void {
    const params = new Map(parseParams(text));
    const array = (name: string) => {
      const elements = parseArray(params.get(name) ?? "", 8);
      if (elements === undefined) this.fail(syscall, ERRNO.EINVAL);
      return elements[0] === "" && elements.length === 1 ? [] : elements;
    };
    const numbers = array("video_nr").map(Number);
    const exclusive = array("exclusive_caps").map((value) => value === "1");
    const labels = array("card_label");
    const count = Math.min(8, Number(params.get("devices") ?? -1));
    const wanted = numbers.filter((number) => number >= 0);
    if (this.hasControl && new Set(wanted).size < wanted.length) this.fail(syscall, ERRNO.EEXIST);
    this.addModule("v4l2loopback");
    for (let i = 0; i < (count < 0 ? Math.max(1, numbers.length) : count); i++) {
      this.register(numbers[i] ?? -1, {
        label: labels[i] ?? `Dummy video device (0x${i.toString(16).padStart(4, "0")})`,
        exclusive: exclusive[i] ?? false,
        loopback: true,
        ...this.boundsOf(params),
      });
    }
    this.writeParameters(numbers, exclusive);
    const { maxBuffers, maxWidth, maxHeight } = this.boundsOf(params);
    this.writeModuleFile("parameters/max_buffers", maxBuffers);
    this.writeModuleFile("parameters/max_width", maxWidth);
    this.writeModuleFile("parameters/max_height", maxHeight);
    this.writeModuleFile("parameters/max_openers", Number(params.get("max_openers") ?? 10));
    this.writeModuleFile("refcnt", 0);
    // MODULE_VERSION exists since the control device does.
    if (this.hasControl) this.writeModuleFile("version", this.options.version);
    if (!this.hasControl) return;
    mkdirSync(join(this.sysfsDir, "class/misc/v4l2loopback"));
    writeFileSync(join(this.sysfsDir, "class/misc/v4l2loopback/dev"), "10:124\n");
    this.putNode(join(this.deviceDir, "v4l2loopback"), { major: 10, minor: 124 });
  }

  private boundsOf(params: ReadonlyMap<string, string | null>) {
    const size = (name: string) => Number(params.get(name) ?? 8192);
    const maxBuffers = Number(params.get("max_buffers") ?? 2);
    return { maxBuffers, maxWidth: size("max_width"), maxHeight: size("max_height") };
  }

  private writeModuleFile(path: string, value: number | string): void {
    const dir = join(this.sysfsDir, "module/v4l2loopback");
    if (existsSync(dir)) writeFileSync(join(dir, path), `${value}\n`);
  }

  private get hasControl(): boolean {
    return this.options.version !== "0.12.7";
  }

  private writeParameters(numbers: readonly number[], exclusive: readonly boolean[]): void {
    const dir = join(this.sysfsDir, "module/v4l2loopback/parameters");
    const eight = <T>(list: readonly T[], rest: T) =>
      Array.from({ length: 8 }, (_, i) => list[i] ?? rest);
    writeFileSync(join(dir, "video_nr"), `${eight(numbers, -1).join(",")}\n`);
    const flags = eight(exclusive, false).map((value) => (value ? "Y" : "N"));
    writeFileSync(join(dir, "exclusive_caps"), `${flags.join(",")}\n`);
  }

  /** video_register_device: the requested number if it is free, else the next free one. */
  private register(asked: number, make: DeviceMake): number {
    const inRange = asked >= 0 && asked <= 255;
    let number = inRange ? asked : 0;
    while (this.devices.has(number)) number++;
    const minors = new Set([...this.devices.values()].map(({ minor }) => minor));
    let minor = 0;
    while (minors.has(minor)) minor++;
    const dir = join(this.sysfsDir, "class/video4linux", `video${number}`);
    const inside = new FakeVideoDevice(make.exclusive, !this.hasControl, () => {
      this.writeModuleFile("refcnt", this.openers());
      if (existsSync(join(dir, "format"))) this.writeAttributes(dir, inside);
    });
    const bounds = { maxBuffers: 2, maxWidth: 8192, maxHeight: 8192 };
    this.devices.set(number, { ...bounds, ...make, minor, inside });
    mkdirSync(dir);
    const label = Buffer.from(make.label).subarray(0, 31).toString();
    writeFileSync(join(dir, "name"), `${label}\n`);
    writeFileSync(join(dir, "dev"), `81:${minor}\n`);
    const finish = () => {
      if (!existsSync(dir)) return;
      if (make.loopback) {
        writeFileSync(join(dir, "buffers"), "2\n");
        writeFileSync(join(dir, "max_openers"), `${inside.maxOpeners}\n`);
        this.writeAttributes(dir, inside);
      }
      if (!this.options.devtmpfs) return;
      this.putNode(join(this.deviceDir, `video${number}`), { major: 81, minor });
    };
    if (this.options.nodeDelayMs === 0) finish();
    else setTimeout(finish, this.options.nodeDelayMs);
    return number;
  }

  /** Before 0.13 `format` is empty without a writer, and there is no `state`. */
  private writeAttributes(dir: string, { writing, format }: FakeVideoDevice): void {
    const isShown = this.hasControl ? format !== undefined : writing;
    const text =
      isShown && format
        ? `${fourcc(format.pixelFormat)}:${format.width}x${format.height}@30\n`
        : "";
    writeFileSync(join(dir, "format"), text);
    if (this.hasControl) writeFileSync(join(dir, "state"), writing ? "capture\n" : "output\n");
  }

  /** devtmpfs keeps an existing node. */
  private putNode(path: string, device: DeviceNumber): void {
    if (existsSync(path)) return;
    writeFileSync(path, `c ${formatDevice(device)}\n`);
    chmodSync(path, 0o600);
    this.nodes.set(statSync(path).ino, device);
  }

  private add(config: Uint8Array): number {
    if (config.byteLength !== 72) throw new Error("the struct has 72 bytes");
    const view = new DataView(config.buffer, config.byteOffset);
    const number = view.getInt32(0, true);
    const announceAllCaps = view.getInt32(68, true);
    if (view.getInt32(56, true) > 32) throw new Error("kernel panic: too many buffers");
    if (announceAllCaps < 0) throw new Error("announce_all_caps < 0 differs between versions");
    this.note(`add ${number}`);
    if (this.devices.get(number)?.loopback) this.fail("ioctl", ERRNO.EEXIST);
    const label = Buffer.from(config.subarray(8, 40)).toString().replace(/\0.*$/s, "");
    return this.register(number, {
      ...{ label, exclusive: announceAllCaps === 0, loopback: true },
      ...{ maxWidth: view.getUint32(44, true), maxHeight: view.getUint32(52, true) },
      maxBuffers: view.getInt32(56, true),
    });
  }

  private remove(number: number): number {
    this.note(`remove ${number}`);
    const device = this.devices.get(number);
    if (device === undefined || !device.loopback) this.fail("ioctl", ERRNO.ENODEV);
    if (device.inside.openers > 0) this.fail("ioctl", ERRNO.EBUSY);
    if (device.inside.lastFrame !== undefined) this.givenBack.push(device.inside.lastFrame);
    this.unplug(number);
    return 0;
  }

  private query(config: number | Uint8Array): number {
    if (typeof config === "number") this.fail("ioctl", ERRNO.EINVAL);
    const view = new DataView(config.buffer, config.byteOffset);
    const device = this.devices.get(view.getInt32(0, true));
    if (device === undefined || !device.loopback) this.fail("ioctl", ERRNO.ENODEV);
    view.setUint32(44, device.maxWidth, true);
    view.setUint32(52, device.maxHeight, true);
    view.setInt32(56, device.maxBuffers, true);
    view.setInt32(68, device.exclusive ? 0 : 1, true);
    return 0;
  }
}
