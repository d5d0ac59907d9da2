import { join } from "node:path";
import { readSmallFile } from "../common/files.ts";

/** Bits of a capability set: include/uapi/linux/capability.h. */
const capabilityBits = {
  CAP_CHOWN: 0n,
  CAP_DAC_OVERRIDE: 1n,
  CAP_FOWNER: 3n,
  CAP_SYS_MODULE: 16n,
  CAP_SYS_ADMIN: 21n,
  CAP_MKNOD: 27n,
} as const;
export type Capability = keyof typeof capabilityBits;

/** What this process may do. */
export interface Privileges {
  /** Effective user. */
  readonly uid: number;
  /** Those of {@link capabilityBits} in effect. */
  readonly capabilities: readonly Capability[];
  /** True if seccomp filters system calls (mode 2), as in most containers. */
  readonly filtered: boolean;
}

/** Reads /proc/self/status; undefined if there is none. */
export function readPrivileges(procDir = "/proc"): Privileges | undefined {
  const status = readSmallFile(join(procDir, "self/status"));
  if (status === undefined) return undefined;
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = Object.keys(capabilityBits) as Capability[];
  return {
    // real, effective, saved and file system user
    uid: Number(/^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN),
    capabilities: names.filter((name) => ((effective >> capabilityBits[name]) & 1n) === 1n),
    filtered: /^Seccomp:\s*2$/m.test(status),
  };
}
