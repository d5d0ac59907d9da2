import {
  accessSync,
  closeSync,
  constants,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { type DeviceNumber, decodeDevice } from "../../linux/device-number.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { type LinuxCalls, O_NONBLOCK, withFile } from "../../linux/linux-calls.ts";
import { type OpenWatch, watchOpens } from "../../linux/open-watch.ts";
import { type UeventSource, ueventSource } from "../../linux/uevents.ts";
import { openVideoDevice, type VideoFile } from "../../v4l2/video-file.ts";

/**
 * The kernel, as the loopback driver uses it beside reading files of /proc, /sys and /lib/modules. Everything but
 * `lookAt` throws ErrnoError, errors of `node:fs`, or PluginError `ffi_unavailable`.
 */
export interface LoopbackKernel {
  /** finit_module(2) of the file at `path`. */
  finitModule(path: string, params: string, flags: number): void;
  /** init_module(2). */
  initModule(image: Uint8Array, params: string): void;
  /** delete_module(2) without waiting: EAGAIN if the module is in use. */
  deleteModule(name: string): void;
  /** Opens the control device at `path`, does one ioctl and closes it: while open, it pins the module. */
  control(path: string, request: number, arg: number | Uint8Array): number;
  /** Opens a video device, see `openVideoDevice`. */
  openVideo(path: string): VideoFile;
  /** Sets a part of an open file, which can be mapped, to zero. */
  zeroMapping(fd: number, length: number, offset: number): void;
  /** Writes an attribute of /sys, in one write(2). */
  writeAttribute(path: string, text: string): void;
  /** Looks at what is at `path`, without opening it. */
  lookAt(path: string): NodeView;
  /** mknod(2): creates a character device at `path`, mode 0600. */
  makeNode(path: string, device: DeviceNumber): void;
  /** unlink(2); a path that does not exist is a success. */
  removeNode(path: string): void;
  /** Watches which of these nodes any process opens. */
  watchOpens(paths: readonly string[]): OpenWatch;
  /** Opens the kernel's events about devices and modules that appear and disappear. */
  openUevents(): UeventSource;
}

/** What is found where a device node should be; symbolic links are followed, as runtimes do. */
export type NodeView =
  | { readonly kind: "absent" }
  | { readonly kind: "other"; readonly what: string }
  | {
      readonly kind: "character_device";
      readonly device: DeviceNumber;
      /** True if the rules of the device control group keep this process from opening it. */
      readonly forbidden?: true;
    };

/** The kernel this process runs on. */
export function linuxKernel(calls: LinuxCalls): LoopbackKernel {
  return {
    finitModule: (path, params, flags) => calls.finitModule(path, params, flags),
    initModule: (image, params) => calls.initModule(image, params),
    deleteModule: (name) => calls.deleteModule(name, O_NONBLOCK),
    openVideo: (path) => openVideoDevice(path, calls),
    zeroMapping: (fd, length, offset) => calls.zeroMapping(fd, length, offset),
    writeAttribute,
    control: (path, request, arg) => withFile(path, (fd) => calls.ioctl(fd, request, arg)),
    watchOpens,
    openUevents: () => ueventSource(calls.openUevents()),
    lookAt,
    makeNode: (path, device) => calls.makeCharDevice(path, 0o600, device),
    removeNode: (path) => {
      try {
        unlinkSync(path);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      }
    },
  };
}

function lookAt(path: string): NodeView {
  try {
    const stat = statSync(path);
    if (stat.isCharacterDevice()) {
      const device = decodeDevice(stat.rdev);
      return { kind: "character_device", device, ...(isForbidden(path) && { forbidden: true }) };
    }
    return { kind: "other", what: "not a character device" };
  } catch (error) {
    const code = errnoNameOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return { kind: "other", what: `not accessible (${code ?? String(error)})` };
  }
}

/**
 * Asks the device control group without opening the device: access(2) asks it as open(2) does, and both answer EPERM
 * (fs/namei.c, inode_permission). A mode that is too strict is EACCES.
 */
function isForbidden(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    return errnoNameOf(error) === "EPERM";
  }
}

function writeAttribute(path: string, text: string): void {
  const fd = openSync(path, "r+");
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
