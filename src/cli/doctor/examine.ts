import { PluginError } from "../../common/plugin-error.ts";
import {
  describeDefect,
  installHint,
  moduleDefect,
  refuseVetoed,
  unpackXzHint,
  videoKernelHint,
} from "../../drivers/loopback/index.ts";
import { type Check, checkNamed, runAsRoot } from "./check.ts";
import { examineContainerPaths } from "./examine-container-paths.ts";
import { examineControl, examineDeviceRules, examineLabel } from "./examine-control.ts";
import { examineDevices, examineOthers } from "./examine-devices.ts";
import { examineKubelet, examineOtherPlugins, examinePodResources } from "./examine-kubelet.ts";
import { examineReadOnly } from "./examine-read-only.ts";
import { examineReady } from "./examine-ready.ts";
import type { Facts } from "./facts.ts";

/** The checks of the facts, the causes before their effects. */
export function examine(facts: Facts): Check[] {
  const { module, range, rest } = examineVideo(facts);
  return [
    ...[examineKernel(facts), ...module, ...range, ...rest],
    ...[...examineKubelet(facts), examinePodResources(facts)],
    ...examineOtherPlugins(facts),
  ];
}

/** True if the plugin can work on this node. */
export function isFit(checks: readonly Check[]): boolean {
  return checks.every(({ state }) => state !== "problem");
}

export function examineKernel({ kernelRelease, arch, videoBuilt, config }: Facts): Check {
  const check = checkNamed("kernel", "kernel");
  const detail = `${kernelRelease}, ${arch}`;
  if (videoBuilt !== false || config.driver === "simulated") return check.ok(detail);
  return check.problem(
    `${detail}: built without any support for video devices (CONFIG_VIDEO_DEV)`,
    videoKernelHint(kernelRelease),
  );
}

/** The checks of loopback devices, in the order in which they are shown. */
export interface VideoChecks {
  /** What all loopback pools share. */
  readonly module: readonly Check[];
  /** What each pool has for itself. */
  readonly range: readonly Check[];
  readonly rest: readonly Check[];
}

export function examineVideo(facts: Facts): VideoChecks {
  if (facts.config.driver === "simulated") {
    const driver = checkNamed("driver", "driver");
    const ok = driver.ok("simulated: no kernel module and no camera is needed");
    return { module: [ok], range: [], rest: [] };
  }
  if (!facts.config.manageDevices) return examineReadOnly(facts);
  const module = [
    examineFile(facts),
    examineLoaded(facts),
    examineLoading(facts),
    examineModprobe(facts),
    examinePrivileges(facts),
    examineSysfs(facts),
    examineDeviceRules(facts),
    examineControl(facts),
  ];
  const range = [
    examineLabel(facts),
    examineDevices(facts),
    examineReady(facts),
    examineContainerPaths(facts),
  ];
  return {
    module: module.filter((check) => check !== undefined),
    range: range.filter((check) => check !== undefined),
    rest: [examineOthers(facts), examineMemory(facts)],
  };
}

function examineFile({ file, loaded, kernelRelease, builtIn, config }: Facts): Check {
  const check = checkNamed("module_file", "module file");
  if (builtIn && loaded !== undefined) return check.ok("none: the module is built into the kernel");
  if ("error" in file) {
    const { message, remedy } = file.error;
    const detail = message.replace(/\.$/, "");
    if (loaded === undefined) return check.problem(detail, remedy);
    return check.warning(`${detail}; it is loaded, but could not be loaded again`, remedy);
  }
  const { path, info, xz } = file;
  if (xz === "not_loadable") {
    const why = `${path}: compressed with xz, which neither this kernel nor the plugin can undo`;
    return loaded === undefined
      ? check.problem(why, unpackXzHint(path))
      : check.warning(`${why}; it is loaded, but could not be loaded again`, unpackXzHint(path));
  }
  if (xz === "loadable") {
    return check.ok(`${path}, its version shows once it is loaded: only the kernel can undo xz`);
  }
  if (info === undefined) return check.ok(path);
  const version = info.version ?? "no version inside, so 0.12";
  const detail = `${path}, ${version}, ${info.signed ? "signed" : "not signed"}`;
  if (info.builtFor === undefined) return check.ok(detail);
  if (info.builtFor === kernelRelease) {
    const defect = moduleDefect(info.version, kernelRelease);
    if (defect === undefined) return check.ok(detail);
    const isRefused = defect.certain && !config.v4l2LoadUnsafe;
    const refused = isRefused ? "the plugin refuses to load it, since " : "";
    const report = isRefused && loaded === undefined ? check.problem : check.warning;
    return report(
      `${path}: ${refused}${describeDefect(info.version, defect, kernelRelease)}`,
      defect.remedy,
    );
  }
  const why = `${detail}: built for the kernel ${info.builtFor}`;
  const remedy = installHint("v4l2loopback", kernelRelease);
  return loaded === undefined ? check.problem(why, remedy) : check.warning(why, remedy);
}

function examineLoaded({ loaded, file, kernelRelease }: Facts): Check {
  const check = checkNamed("module", "module");
  if (loaded !== undefined) {
    const version = loaded.version ?? "no version, so 0.12";
    const parameters = Object.entries(loaded.parameters).map(([name, value]) => `${name}=${value}`);
    const defect = moduleDefect(loaded.version, kernelRelease);
    if (defect !== undefined) {
      return check.warning(
        `loaded: ${describeDefect(loaded.version, defect, kernelRelease)}`,
        defect.remedy,
      );
    }
    return check.ok(`loaded, ${version}: ${parameters.join(" ") || "parameters not shown"}`);
  }
  if ("error" in file) return check.problem("not loaded, and there is no file to load");
  return check.warning(
    "not loaded yet",
    "Nothing: the plugin loads it. To try by hand: modprobe v4l2loopback",
  );
}

/** Checks what prevents the kernel from loading the module. */
function examineLoading({ loaded, file, probes }: Facts): Check | undefined {
  const check = checkNamed("module_loading", "loading");
  const lockdown = probes.lockdown ?? "unknown";
  const enforced =
    probes.signatureEnforced === undefined
      ? "unknown"
      : probes.signatureEnforced
        ? "enforced"
        : "not enforced";
  const detail = `lockdown ${lockdown}, signatures ${enforced}`;
  if (loaded !== undefined) return check.ok(`${detail}; the module is loaded already`);
  if (probes.modulesDisabled === true) {
    return check.problem(
      "no module can be loaded until the next boot (kernel.modules_disabled=1)",
      "Have the host load it at boot: echo v4l2loopback > /etc/modules-load.d/v4l2loopback.conf, then reboot",
    );
  }
  if (probes.blacklisted === true) {
    return check.problem(
      "the kernel's command line forbids the module (module_blacklist=)",
      "Remove v4l2loopback from module_blacklist= on the host and reboot.",
    );
  }
  if ("error" in file) return undefined;
  const signedOnly = (probes.lockdown ?? "none") !== "none" || probes.signatureEnforced === true;
  if (signedOnly && file.info?.signed === false) {
    return check.problem(
      `${detail}, and the module is not signed`,
      "Use the distribution's signed module, or sign this one and enroll the key: mokutil --import",
    );
  }
  return check.ok(detail);
}

/** Checks the administrator's settings for modprobe, which the plugin follows. */
function examineModprobe({ modprobe, loaded }: Facts): Check | undefined {
  const check = checkNamed("modprobe", "modprobe.d");
  try {
    if (loaded === undefined) refuseVetoed(modprobe);
  } catch (error) {
    const { message, remedy } = PluginError.from(error);
    return check.problem(message.replace(/\.$/, ""), remedy);
  }
  const options = modprobe.options.map(({ text, where }) => `${text} (${where})`);
  return options.length === 0 ? undefined : check.ok(`options: ${options.join(", ")}`);
}

function examinePrivileges({ privileges, probes, loaded }: Facts): Check {
  const check = checkNamed("privileges", "privileges");
  if (privileges === undefined) return check.warning("unknown: there is no /proc/self/status");
  const { uid, capabilities, filtered } = privileges;
  const detail = [
    uid === 0 ? "root" : `user ${uid}`,
    capabilities.length === 0 ? "no capability of use" : capabilities.join(" "),
    filtered ? "system calls filtered (seccomp)" : "no seccomp filter",
    ...(probes.initialUserNamespace === false ? ["in a user namespace"] : []),
  ].join(", ");
  if (loaded === undefined && probes.initialUserNamespace === false) {
    return check.problem(
      `${detail}, where no module can be loaded`,
      "Run the pod with hostUsers: true, or load it on the host: modprobe v4l2loopback",
    );
  }
  if (loaded === undefined && !capabilities.includes("CAP_SYS_MODULE")) {
    return check.problem(
      `${detail}: the module can't be loaded without CAP_SYS_MODULE`,
      uid === 0
        ? "Run the container privileged or add SYS_MODULE to its capabilities, or load it on the host: modprobe v4l2loopback"
        : runAsRoot,
    );
  }
  if (uid !== 0) {
    return check.warning(`${detail}: devices can't be created or changed`, runAsRoot);
  }
  return check.ok(detail);
}

/** Checks that /sys is writable: the plugin learns there whether a device is open, and locks a device during a reset. */
function examineSysfs({ sysReadOnly, config }: Facts): Check | undefined {
  if (!sysReadOnly) return undefined;
  return checkNamed("sysfs", "sysfs").warning(
    `${config.sysfsDir} is read-only: the plugin doesn't know whether a device is open, and can't lock a device during a reset`,
    "Run the container privileged.",
  );
}

function examineMemory({ initOnAlloc }: Facts): Check {
  const check = checkNamed("init_on_alloc", "init_on_alloc");
  if (initOnAlloc === true)
    return check.ok("on: the kernel clears a camera's memory for the next pod");
  const why =
    initOnAlloc === undefined
      ? "unknown: neither the command line nor the kernel's configuration has it"
      : "off";
  return check.warning(
    `${why}: a pod could see old frames in a camera's memory`,
    'Boot the host with init_on_alloc=1: add it to GRUB_CMDLINE_LINUX in /etc/default/grub, then "update-grub" and reboot.',
  );
}
