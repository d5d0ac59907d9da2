import { closeSync, constants, openSync } from "node:fs";
import { PluginError } from "../common/plugin-error.ts";
import { type DeviceNumber, encodeDevice } from "./device-number.ts";
import { ErrnoError, errnoNameOf } from "./errno-error.ts";
import { checked, type LibcSymbols, openLibc } from "./libc.ts";

/**
 * System calls for which Bun has no function. All are synchronous and throw {@link ErrnoError} if the kernel refuses,
 * PluginError `ffi_unavailable` if the C library can't be called, and PluginError `nul_in_string` for text that C would
 * cut short.
 */
export interface LinuxCalls {
  /**
   * finit_module(2): loads the module in the file at `path`, with `params` in the form that modprobe passes.
   * `flags`: {@link MODULE_INIT_COMPRESSED_FILE} or 0.
   */
  finitModule(path: string, params: string, flags: number): void;
  /** init_module(2): loads a module from memory. */
  initModule(image: Uint8Array, params: string): void;
  /** delete_module(2); with {@link O_NONBLOCK} EAGAIN if the module is in use. */
  deleteModule(name: string, flags: number): void;
  /**
   * ioctl(2) on an open file. A number is the argument itself, a buffer is passed as a pointer, and the kernel may
   * write to it. Returns what the kernel returned, 0 or more.
   */
  ioctl(fd: number, request: number | bigint, arg: number | bigint | Uint8Array): number;
  /** mknod(2) of a character device. `mode`: permission bits, of which umask clears some. */
  makeCharDevice(path: string, mode: number, device: DeviceNumber): void;
  /** Maps `length` bytes from `offset` of an open file (mmap(2), shared), sets them to zero and unmaps them. */
  zeroMapping(fd: number, length: number, offset: number): void;
  /** Maps `length` bytes from `offset` of an open file (mmap(2), shared), copies them and unmaps them. */
  readMapping(fd: number, length: number, offset: number): Uint8Array;
  /**
   * flock(2): takes an exclusive lock on an open file, without waiting. The kernel releases it when the file is closed.
   * Returns false if another open file of the same inode has it.
   */
  lockFile(fd: number): boolean;
  /** Opens a non-blocking socket to which the kernel sends its uevents; the caller closes it. */
  openUevents(): number;
}

/** The kernel decompresses the file itself: include/uapi/linux/module.h, Linux 5.17. */
export const MODULE_INIT_COMPRESSED_FILE = 4;

/** Makes delete_module fail instead of wait: include/uapi/asm-generic/fcntl.h. */
export const O_NONBLOCK = 0x800;

/** include/uapi/asm-generic/mman-common.h */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** LOCK_EX | LOCK_NB, include/uapi/asm-generic/fcntl.h. */
const exclusiveLock = 2 | 4;

/** The current directory: include/uapi/linux/fcntl.h. */
const AT_FDCWD = -100;

/** include/linux/socket.h and include/uapi/linux/netlink.h */
const AF_NETLINK = 16;
const NETLINK_KOBJECT_UEVENT = 15;

/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, include/linux/net.h. */
const datagramSocket = 2 | 0x800 | 0x80000;

/** struct sockaddr_nl: u16 family, u16 padding, u32 port (0: the kernel chooses), u32 groups (1: the kernel's). */
const ueventAddress = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);

/** Numbers of the system calls for which older glibc versions have no function. */
interface SyscallNumbers {
  readonly initModule: number;
  readonly deleteModule: number;
  readonly finitModule: number;
  readonly mknodat: number;
}

/** arch/x86/entry/syscalls/syscall_64.tbl */
const x64: SyscallNumbers = { initModule: 175, deleteModule: 176, finitModule: 313, mknodat: 259 };

/** include/uapi/asm-generic/unistd.h, which aarch64 uses */
const arm64: SyscallNumbers = {
  initModule: 105,
  deleteModule: 106,
  finitModule: 273,
  mknodat: 33,
};

/**
 * The numbers for an architecture, by its name in `process.arch`.
 * @throws PluginError `architecture_unsupported` for anything but x64 and arm64.
 */
export function syscallNumbers(arch: string): SyscallNumbers {
  if (arch === "x64") return x64;
  if (arch === "arm64") return arm64;
  throw new PluginError(
    "architecture_unsupported",
    `System call numbers are known for x64 and arm64 only, and this is ${arch}.`,
  );
}

/** The real calls. The first one opens the C library. */
export function linuxCalls(): LinuxCalls {
  const numbers = syscallNumbers(process.arch);
  let opened: LibcSymbols | undefined;
  const libc = () => {
    opened ??= openLibc();
    return opened;
  };
  return {
    finitModule(path, params, flags) {
      const c = libc();
      const text = cString(params);
      withFile(path, (fd) =>
        checked(c, "finit_module", c.finitModule(numbers.finitModule, fd, text, flags)),
      );
    },
    initModule(image, params) {
      const c = libc();
      const text = cString(params);
      checked(c, "init_module", c.initModule(numbers.initModule, image, image.byteLength, text));
    },
    deleteModule(name, flags) {
      const c = libc();
      checked(c, "delete_module", c.deleteModule(numbers.deleteModule, cString(name), flags));
    },
    ioctl(fd, request, arg) {
      const c = libc();
      const number = BigInt(request);
      return arg instanceof Uint8Array
        ? checked(c, "ioctl", c.ioctlBuffer(fd, number, arg))
        : checked(c, "ioctl", c.ioctlValue(fd, number, BigInt.asUintN(64, BigInt(arg))));
    },
    makeCharDevice(path, mode, device) {
      const c = libc();
      const type = constants.S_IFCHR | mode;
      const text = cString(path);
      checked(c, "mknodat", c.mknodat(numbers.mknodat, AT_FDCWD, text, type, encodeDevice(device)));
    },
    zeroMapping(fd, length, offset) {
      const c = libc();
      const address = map(c, PROT_READ | PROT_WRITE, { fd, length, offset });
      c.memset(address, 0, BigInt(length));
      c.munmap(address, BigInt(length));
    },
    readMapping(fd, length, offset) {
      const c = libc();
      const bytes = new Uint8Array(length);
      const address = map(c, PROT_READ, { fd, length, offset });
      c.memcpy(bytes, address, BigInt(length));
      c.munmap(address, BigInt(length));
      return bytes;
    },
    lockFile(fd) {
      const c = libc();
      try {
        checked(c, "flock", c.flock(fd, exclusiveLock));
        return true;
      } catch (error) {
        // EWOULDBLOCK is the same number.
        if (errnoNameOf(error) === "EAGAIN") return false;
        throw error;
      }
    },
    openUevents() {
      const c = libc();
      const fd = checked(c, "socket", c.socket(AF_NETLINK, datagramSocket, NETLINK_KOBJECT_UEVENT));
      try {
        checked(c, "bind", c.bind(fd, ueventAddress, ueventAddress.byteLength));
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      return fd;
    },
  };
}

/** mmap(2), shared. @throws ErrnoError. */
function map(
  libc: LibcSymbols,
  protection: number,
  { fd, length, offset }: { readonly fd: number; readonly length: number; readonly offset: number },
): bigint {
  const address = libc.mmap(null, BigInt(length), protection, MAP_SHARED, fd, BigInt(offset));
  if (address === -1n) checked(libc, "mmap", -1);
  return address;
}

/**
 * Opens `path` read-only (with O_CLOEXEC, which `node:fs` sets), calls `use` with its file descriptor and closes it.
 * @throws ErrnoError of open(2), or what `use` threw.
 */
export function withFile<T>(path: string, use: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw ErrnoError.from(error) ?? error;
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** A C string: UTF-8 with a NUL at its end. */
function cString(text: string): Uint8Array {
  if (text.includes("\0")) {
    throw new PluginError("nul_in_string", `${JSON.stringify(text)} has a NUL character inside.`);
  }
  return Buffer.from(`${text}\0`);
}
