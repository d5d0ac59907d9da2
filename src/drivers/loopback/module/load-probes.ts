import { join } from "node:path";
import { readSmallFile } from "../../../common/files.ts";
import { readPrivileges } from "../../../linux/privileges.ts";

/** What may keep a module from being loaded, as files show it. Undefined: the file can't be read. */
export interface LoadProbes {
  /** CAP_SYS_MODULE is effective. */
  readonly sysModule: boolean | undefined;
  /** The process is in the first user namespace, the only one that may load modules. */
  readonly initialUserNamespace: boolean | undefined;
  /** sysctl kernel.modules_disabled: no module can be loaded until the next boot. */
  readonly modulesDisabled: boolean | undefined;
  /** `none`, `integrity` or `confidentiality`: the one in brackets in /sys/kernel/security/lockdown. */
  readonly lockdown: string | undefined;
  /** Only signed modules: /sys/module/module/parameters/sig_enforce. */
  readonly signatureEnforced: boolean | undefined;
  /** The kernel's command line has module_blacklist= with v4l2loopback. */
  readonly blacklisted: boolean | undefined;
}

/** Reads the probes; missing files are fine. Defaults: `/proc` and `/sys`. */
export function readLoadProbes(procDir = "/proc", sysfsDir = "/sys"): LoadProbes {
  const proc = (path: string) => readSmallFile(join(procDir, path));
  const sys = (path: string) => readSmallFile(join(sysfsDir, path));
  return {
    sysModule: readPrivileges(procDir)?.capabilities.includes("CAP_SYS_MODULE"),
    // The first namespace maps all of 32 bits to themselves (user_namespaces(7)).
    initialUserNamespace: map(proc("self/uid_map"), (text) =>
      /^\s*0\s+0\s+4294967295\s*$/.test(text),
    ),
    modulesDisabled: map(proc("sys/kernel/modules_disabled"), (text) => text.trim() === "1"),
    lockdown: /\[(\w+)\]/.exec(sys("kernel/security/lockdown") ?? "")?.[1],
    signatureEnforced: map(sys("module/module/parameters/sig_enforce"), (text) =>
      text.startsWith("Y"),
    ),
    blacklisted: map(proc("cmdline"), (text) =>
      /\bmodule_blacklist=([^\s]*,)?v4l2loopback(,|\s|$)/.test(text),
    ),
  };
}

function map<T>(text: string | undefined, use: (text: string) => T): T | undefined {
  return text === undefined ? undefined : use(text);
}
