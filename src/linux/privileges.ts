import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Bits of a capability set: include/uapi/linux/capability.h. */
export const CAPABILITIES = {
  CAP_CHOWN: 0n,
  CAP_DAC_OVERRIDE: 1n,
  CAP_FOWNER: 3n,
  CAP_SYS_MODULE: 16n,
  CAP_SYS_ADMIN: 21n,
  CAP_MKNOD: 27n,
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** What this process may do, as /proc/self/status tells. */
export interface Privileges {
  /** Effective user. */
  readonly uid: number;
  /** Of {@link CAPABILITIES}, those in effect. */
  readonly capabilities: readonly Capability[];
  /** System calls are filtered (seccomp mode 2), as in most containers. */
  readonly filtered: boolean;
}

/** Undefined if there is no /proc. */
export function readPrivileges(procDir = "/proc"): Privileges | undefined {
  let status: string;
  try {
    status = readFileSync(join(procDir, "self/status"), "utf8");
  } catch {
    return undefined;
  }
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = Object.keys(CAPABILITIES) as Capability[];
  return {
    // real, effective, saved and file system's
    uid: Number(/^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN),
    capabilities: names.filter((name) => ((effective >> CAPABILITIES[name]) & 1n) === 1n),
    filtered: /^Seccomp:\s*2$/m.test(status),
  };
}
