import { PluginError } from "../common/plugin-error.ts";

/** Numbers of the system calls that older glibc versions have no function for. */
export interface SyscallNumbers {
  readonly initModule: number;
  readonly deleteModule: number;
  readonly finitModule: number;
  readonly mknodat: number;
}

/** arch/x86/entry/syscalls/syscall_64.tbl */
const X64: SyscallNumbers = { initModule: 175, deleteModule: 176, finitModule: 313, mknodat: 259 };

/** include/uapi/asm-generic/unistd.h, which aarch64 uses */
const ARM64: SyscallNumbers = {
  initModule: 105,
  deleteModule: 106,
  finitModule: 273,
  mknodat: 33,
};

/**
 * The numbers for an architecture as `process.arch` names it.
 * @throws PluginError `architecture_unsupported` for anything but x64 and arm64.
 */
export function syscallNumbers(arch: string): SyscallNumbers {
  if (arch === "x64") return X64;
  if (arch === "arm64") return ARM64;
  throw new PluginError(
    "architecture_unsupported",
    `System call numbers are known for x64 and arm64, this is ${arch}.`,
  );
}
