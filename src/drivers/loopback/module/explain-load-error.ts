import type { ErrorCode } from "../../../common/error-codes.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import type { ErrnoError } from "../../../linux/errno-error.ts";
import { installHint } from "./install-hint.ts";
import type { LoadProbes } from "./load-probes.ts";

/** A module that the kernel refused to load. */
export interface LoadFailure {
  /** What the kernel, or open(2) before it, answered. */
  readonly error: ErrnoError;
  /** Path of the file. */
  readonly path: string;
  /** `uname -r` */
  readonly kernelRelease: string;
  /** The kernel that it was built for, as the file says; undefined if it doesn't say, so it may be no module at all. */
  readonly builtFor: string | undefined;
  /** The visible defect of an .xz file: `xzDefect`. */
  readonly xzDefect?: string | undefined;
}

interface Explanation {
  readonly code: ErrorCode;
  readonly why: string;
  readonly remedy: string;
}

/**
 * Explains why a module can't be loaded, and what to do. The meaning of each errno was seen with kernels 6.1, 6.8,
 * 6.14 and 7.0 (kernel/module/main.c, signing.c, decompress.c); EACCES and ENOKEY are from their sources.
 */
export function explainLoadError(failure: LoadFailure, probes: LoadProbes): PluginError {
  const { code, why, remedy } = explain(failure, probes);
  return new PluginError(
    code,
    `The kernel did not load ${failure.path} (${failure.error.message}): ${why}.`,
    { cause: failure.error, remedy },
  );
}

const seeDmesg = "See the kernel's log on the host: dmesg | tail";

function explain(failure: LoadFailure, probes: LoadProbes): Explanation {
  switch (failure.error.errnoName) {
    case "ENOENT":
      return explainMissing(failure);
    case "EPERM":
      return explainRefusal(probes);
    case "ENOEXEC":
      if (isXz(failure)) return explainXzContent(failure);
      return explainFile(failure, "it is cut short, or of another build of this kernel");
    case "EKEYREJECTED":
    case "ENOKEY":
      return {
        code: "module_signature_rejected",
        why: "it isn't signed with a key that this kernel trusts, as the kernel demands (Secure Boot or module.sig_enforce)",
        remedy:
          "Use the distribution's signed module, or sign this one and enroll the key (mokutil --import), or turn Secure Boot off.",
      };
    case "EINVAL":
      if (isXz(failure)) return explainXz(failure);
      if (failure.builtFor !== failure.kernelRelease) return explainFile(failure, "");
      return {
        code: "module_parameter_rejected",
        why: "the module rejects the value of a parameter, or the file belongs to another build of this kernel",
        remedy: seeDmesg,
      };
    case "EEXIST":
      return {
        code: "device_number_taken",
        why: "another loopback device has one of the numbers",
        remedy: "Choose other device numbers.",
      };
    case "EFAULT":
      return {
        code: "device_number_taken",
        why: "a device could not be registered under its number",
        remedy: "Choose other device numbers; see /sys/class/video4linux for those in use.",
      };
    case "EBUSY":
      return {
        code: "module_busy",
        why: "another program is loading the same module and failing",
        remedy: `Nothing: the plugin tries again. ${seeDmesg}`,
      };
    case "EACCES":
      return {
        code: "module_access_denied",
        why: "a security module (SELinux, IMA) or the file's mode forbids it",
        remedy:
          "Run the container with the SELinux type spc_t, or load v4l2loopback on the host; ausearch -m avc shows what was denied.",
      };
    case "ENOMEM":
    case "ENFILE":
      return {
        code: "out_of_resources",
        why: "the host is out of memory or of files",
        remedy: "Free memory on the host.",
      };
    case "ENOSYS":
      return {
        code: "modules_unsupported",
        why: "this kernel was built without loadable modules",
        remedy: "Boot a kernel with CONFIG_MODULES.",
      };
    default:
      return { code: "module_load_failed", why: "the reason is not known here", remedy: seeDmesg };
  }
}

function explainMissing({ error, kernelRelease }: LoadFailure): Explanation {
  if (error.syscall === "open") {
    return {
      code: "module_file_not_found",
      why: "the file is missing, although modules.dep lists it",
      remedy: `Mount the host's whole /lib/modules, or reinstall: ${installHint("videodev", kernelRelease)}`,
    };
  }
  return {
    code: "module_dependency_missing",
    why: "it needs symbols of videodev, which is neither loaded nor installed",
    remedy: installHint("videodev", kernelRelease),
  };
}

/** The file itself is wrong; `otherwise` is the reason if it says that it is for this kernel. */
function explainFile(failure: LoadFailure, otherwise: string): Explanation {
  const { builtFor, kernelRelease } = failure;
  if (builtFor === undefined) {
    return {
      code: "module_file_corrupt",
      why: "the file is not a kernel module, or is cut short",
      remedy: `Reinstall the package the file is from. ${installHint("v4l2loopback", kernelRelease)}`,
    };
  }
  return {
    code: "module_wrong_kernel",
    why:
      builtFor === kernelRelease
        ? otherwise
        : `it was built for ${builtFor}, and this is ${kernelRelease}`,
    remedy: `Rebuild or reinstall the module for this kernel. ${installHint("v4l2loopback", kernelRelease)}`,
  };
}

function isXz({ path }: LoadFailure): boolean {
  return path.endsWith(".xz");
}

/** The kernel could not decompress it (kernel/module/decompress.c), or the module rejected a parameter. */
function explainXz({ xzDefect, kernelRelease }: LoadFailure): Explanation {
  if (xzDefect !== undefined) {
    return {
      code: "module_file_corrupt",
      why: `it is ${xzDefect}`,
      remedy: `Reinstall the package the file is from. ${installHint("v4l2loopback", kernelRelease)}`,
    };
  }
  return {
    code: "module_parameter_rejected",
    why: "the module rejects the value of a parameter, or the kernel can't decompress the file (it knows xz --check=crc32 alone)",
    remedy: seeDmesg,
  };
}

/** The kernel decompressed it, so the file is whole. */
function explainXzContent({ kernelRelease }: LoadFailure): Explanation {
  return {
    code: "module_wrong_kernel",
    why: "it was built for another kernel, or is not a module (xz files can't be examined here)",
    remedy: `Rebuild or reinstall the module for this kernel. ${installHint("v4l2loopback", kernelRelease)}`,
  };
}

/** EPERM has many causes: first those that the probes can prove, by how much they rule out. */
function explainRefusal(probes: LoadProbes): Explanation {
  if (probes.modulesDisabled === true) {
    return {
      code: "modules_disabled",
      why: "loading modules was turned off until the next boot (kernel.modules_disabled=1)",
      remedy: "Have the host load v4l2loopback at boot, before the sysctl is set.",
    };
  }
  if (probes.sysModule === false) {
    return {
      code: "module_not_permitted",
      why: "this process lacks the capability CAP_SYS_MODULE",
      remedy:
        "Run the container privileged (SYS_MODULE alone would load the module, and open none of its devices), or load v4l2loopback on the host. Talos removes the capability from every pod.",
    };
  }
  if (probes.initialUserNamespace === false) {
    return {
      code: "module_not_permitted",
      why: "this process is in a user namespace, where no module can be loaded whatever its capabilities",
      remedy: "Run the pod with hostUsers: true, or load v4l2loopback on the host.",
    };
  }
  if (probes.blacklisted === true) {
    return {
      code: "module_blacklisted",
      why: "the kernel's command line forbids it (module_blacklist=)",
      remedy: "Remove v4l2loopback from module_blacklist= on the host and reboot.",
    };
  }
  if (probes.lockdown !== undefined && probes.lockdown !== "none") {
    return {
      code: "module_signature_rejected",
      why: `the kernel is locked down (${probes.lockdown}) and accepts signed modules only`,
      remedy:
        "Use the distribution's signed module, or sign this one and enroll the key (mokutil --import).",
    };
  }
  if (probes.signatureEnforced === true) {
    return {
      code: "module_signature_rejected",
      why: "the kernel accepts signed modules only (module.sig_enforce)",
      remedy: "Use the distribution's signed module, or sign this one and enroll the key.",
    };
  }
  return {
    code: "module_not_permitted",
    why: "the kernel, a seccomp profile or LoadPin forbids it",
    remedy: `Allow finit_module in the container's seccomp profile, or load v4l2loopback on the host. ${seeDmesg}`,
  };
}
