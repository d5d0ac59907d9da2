import { dlopen, read } from "bun:ffi";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { ErrnoError } from "./errno-error.ts";

/**
 * The symbols. Each has a dictionary of its own, since one C function has several signatures here. Buffers are `ptr`, so
 * that Bun keeps them alive during the call. Variadic functions can be called because Linux passes their arguments in
 * registers on x86_64 and aarch64. `syscall` where glibc has no function: finit_module, and mknod before 2.33.
 */
function openSymbols() {
  const glibc = "libc.so.6";
  const value = dlopen(glibc, { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
  const buffer = dlopen(glibc, { ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
  const finit = dlopen(glibc, { syscall: { args: ["i64", "i64", "ptr", "i64"], returns: "i32" } });
  const init = dlopen(glibc, { syscall: { args: ["i64", "ptr", "i64", "ptr"], returns: "i32" } });
  const remove = dlopen(glibc, { syscall: { args: ["i64", "ptr", "i64"], returns: "i32" } });
  const mknod = dlopen(glibc, {
    syscall: { args: ["i64", "i64", "ptr", "i64", "i64"], returns: "i32" },
  });
  const socket = dlopen(glibc, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  });
  const memory = dlopen(glibc, {
    mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "i64" },
    memset: { args: ["i64", "i32", "u64"], returns: "ptr" },
    munmap: { args: ["i64", "u64"], returns: "i32" },
    memcpy: { args: ["ptr", "i64", "u64"], returns: "ptr" },
  });
  const lock = dlopen(glibc, { flock: { args: ["i32", "i32"], returns: "i32" } });
  const files = dlopen(glibc, {
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    eventfd: { args: ["u32", "i32"], returns: "i32" },
    clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  });
  const errno = dlopen(glibc, { __errno_location: { args: [], returns: "ptr" } });
  return {
    ioctlValue: value.symbols.ioctl,
    ioctlBuffer: buffer.symbols.ioctl,
    finitModule: finit.symbols.syscall,
    initModule: init.symbols.syscall,
    deleteModule: remove.symbols.syscall,
    mknodat: mknod.symbols.syscall,
    socket: socket.symbols.socket,
    bind: socket.symbols.bind,
    mmap: memory.symbols.mmap,
    memset: memory.symbols.memset,
    munmap: memory.symbols.munmap,
    memcpy: memory.symbols.memcpy,
    flock: lock.symbols.flock,
    poll: files.symbols.poll,
    eventfd: files.symbols.eventfd,
    clockGettime: files.symbols.clock_gettime,
    inotifyInit: files.symbols.inotify_init1,
    inotifyAddWatch: files.symbols.inotify_add_watch,
    errnoLocation: errno.symbols.__errno_location,
  };
}

/** glibc's functions; each returns what the C function returned. */
export type LibcSymbols = ReturnType<typeof openSymbols>;

/**
 * Opens glibc. That needs a JIT, so callers do it before their first call, not at import.
 * @throws PluginError `ffi_unavailable` if the process may not create executable memory, or there is no glibc.
 */
export function openLibc(): LibcSymbols {
  try {
    return openSymbols();
  } catch (cause) {
    const reason = messageOf(cause);
    throw new PluginError("ffi_unavailable", `The C library can't be called: ${reason}.`, {
      cause,
      remedy: /JIT/.test(reason)
        ? "Allow executable memory: no MemoryDenyWriteExecute=yes in the systemd unit, no BUN_JSC_useJIT=0, and SELinux's execmem allowed."
        : "Run on a system with glibc (libc.so.6), such as Debian, Ubuntu, Fedora or distroless/base.",
    });
  }
}

/**
 * Returns `result`, unless it is -1. Call it at once with a C function's result: errno belongs to the thread, which the
 * garbage collector and the JIT also use. So errno explains a failure, and a caller that depends on the outcome reads
 * the kernel's state again.
 * @throws ErrnoError named after `syscall`.
 */
export function checked(libc: LibcSymbols, syscall: string, result: number): number {
  if (result !== -1) return result;
  const location = libc.errnoLocation();
  throw new ErrnoError(location === null ? 0 : read.i32(location, 0), syscall);
}
