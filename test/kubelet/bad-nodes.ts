import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import type { Container, PodSpec } from "../support/manifests.ts";
import { untrustedAnnotation } from "./containerd.ts";
import { workDir } from "./paths.ts";
import type { PluginPodObject, PluginPodOptions } from "./plugin-pod.ts";

/** A way in which a node or a manifest can be wrong, and what the plugin has to say of it. */
export interface BadPod {
  readonly name: string;
  readonly pod: PluginPodOptions;
  /** Makes what it takes on the host. @returns what has to be closed at the end. */
  readonly prepare?: () => Server | undefined;
  /** What the log's end says: the cause, then what to do. */
  readonly cause: RegExp;
  readonly remedy: RegExp;
}

/** One that the daemon reports. */
export interface BadNode extends BadPod {
  /** The check of `probe ready` that fails. */
  readonly check: "registered" | "devices";
}

/** Directories of other programs, as an SELinux policy makes all of them. */
const stranger = 12_345;

const closedDirectory = join(workDir, "closed");
const unwritableDirectory = join(workDir, "unwritable");
const modulesWithout = join(workDir, "modules-without");
const modulesWith = join(workDir, "modules-with");
const fakeModuleDir = join(workDir, "module-loaded");
/** Below the mount of the host's modules, which every profile has. */
const fakeModule = {
  VIDEO_DRIVER: "v4l2loopback",
  MAX_DEVICES: "1",
  SYSFS_DIR: "/lib/modules/sys",
  DEVICE_DIR: "/lib/modules/dev",
};
const realDriver = { VIDEO_DRIVER: "v4l2loopback" };

/** Nothing of these needs a kernel with modules: what is wrong is wrong before the kernel is asked. */
export const badNodes: readonly BadNode[] = [
  {
    name: "the kubelet's directory is not mounted",
    pod: { profile: "full", change: withoutMount("/var/lib/kubelet/device-plugins") },
    check: "registered",
    cause: /There is no directory \/var\/lib\/kubelet\/device-plugins/,
    remedy: /Mount the host's \/var\/lib\/kubelet\/device-plugins into the container/,
  },
  {
    name: "/lib/modules is not mounted",
    pod: { profile: "full", env: realDriver, change: withoutMount("/lib/modules") },
    check: "devices",
    cause: /There is no \/lib\/modules\/\S+, where the running kernel's modules should be/,
    remedy: /Mount the host's \/lib\/modules read-only into the container/,
  },
  {
    name: "the node has no v4l2loopback",
    prepare: () => makeModules(modulesWithout),
    pod: { profile: "full", env: realDriver, change: withHostPath("modules", modulesWithout) },
    check: "devices",
    cause: /There is no file of the module v4l2loopback in \/lib\/modules\/\S+/,
    remedy: /[Ii]nstall v4l2loopback|v4l2loopback-dkms|akmod-v4l2loopback|linux-modules/,
  },
  {
    name: "full is not privileged",
    prepare: () => makeModules(modulesWith, "v4l2loopback.ko"),
    pod: { profile: "full", env: realDriver, change: withoutPrivileges(modulesWith) },
    check: "devices",
    cause: /did not load .*v4l2loopback\.ko .*lacks the capability CAP_SYS_MODULE/,
    remedy: /Run the container privileged/,
  },
  {
    name: "full is not privileged, where the module is loaded",
    prepare: makeFakeModule,
    pod: { profile: "full", env: fakeModule, change: withoutPrivileges(fakeModuleDir) },
    check: "devices",
    cause:
      /\/lib\/modules\/dev\/video10 can't be opened: the container's device rules forbid it \(EPERM\)\.$/,
    remedy: /Run the container privileged/,
  },
  {
    name: "containerd has privileged_without_host_devices",
    prepare: makeFakeModule,
    pod: {
      profile: "full",
      env: fakeModule,
      change: (pod) => withoutHostDevices(withHostPath("modules", fakeModuleDir)(pod)),
    },
    check: "devices",
    cause:
      /video10 can't be opened: .*although the container is privileged\. containerd does so with privileged_without_host_devices = true/,
    remedy: /set privileged_without_host_devices = false .*config\.toml/,
  },
  {
    name: "/dev is mounted read-only",
    pod: {
      profile: "full",
      env: { SIMULATED_DIR: "/host/dev/vdp-e2e" },
      change: withMount("/host/dev", { readOnly: true }),
    },
    check: "devices",
    cause: /\/host\/dev\/vdp-e2e, can't be created: EROFS/,
    remedy: /mount it without readOnly: true/,
  },
  {
    name: "the kubelet's directory may not be entered",
    prepare: () => makeForeign(closedDirectory, 0o500),
    pod: { profile: "restricted", change: withHostPath("device-plugins", closedDirectory) },
    check: "registered",
    cause: /kubelet\.sock can't be accessed: EACCES/,
    remedy: /Run as the owner of .* or with CAP_DAC_OVERRIDE; under SELinux/,
  },
  {
    name: "nothing may be made in the kubelet's directory",
    prepare: () => {
      makeForeign(unwritableDirectory, 0o700);
      // A server listens, as the kubelet would: an answer isn't asked for before our own socket is there.
      const kubelet = createServer().listen(join(unwritableDirectory, "kubelet.sock"));
      chmodSync(unwritableDirectory, 0o555);
      return kubelet;
    },
    pod: { profile: "restricted", change: withHostPath("device-plugins", unwritableDirectory) },
    check: "registered",
    cause: /EACCES: permission denied.*device-plugins/,
    remedy: /Run as the owner of .* or with CAP_DAC_OVERRIDE; under SELinux/,
  },
];

/** What `setup` reports, so that the daemon of restricted is never started. */
export const badSetUps: readonly BadPod[] = [
  {
    name: "the node has no v4l2loopback",
    prepare: () => makeModules(modulesWithout),
    pod: {
      profile: "restricted",
      env: realDriver,
      change: withHostPath("modules", modulesWithout),
    },
    cause: /There is no file of the module v4l2loopback in \/lib\/modules\/\S+/,
    remedy: /[Ii]nstall v4l2loopback|v4l2loopback-dkms|akmod-v4l2loopback|linux-modules/,
  },
  {
    name: "setup is not privileged",
    prepare: () => makeModules(modulesWith, "v4l2loopback.ko"),
    pod: { profile: "restricted", env: realDriver, change: withoutPrivileges(modulesWith) },
    cause: /did not load .*v4l2loopback\.ko .*lacks the capability CAP_SYS_MODULE/,
    remedy: /Run the container privileged/,
  },
  {
    name: "/dev is mounted read-only for setup",
    pod: {
      profile: "restricted",
      env: { SIMULATED_DIR: "/host/dev/vdp-e2e" },
      change: withMount("/host/dev", { readOnly: true }),
    },
    cause: /\/host\/dev\/vdp-e2e, can't be created: EROFS/,
    remedy: /mount it without readOnly: true/,
  },
];

function makeForeign(directory: string, mode: number): undefined {
  mkdirSync(directory, { recursive: true });
  chownSync(directory, stranger, stranger);
  chmodSync(directory, mode);
}

/** A tree of the running kernel's modules, with a file of that name, which no kernel would take. */
function makeModules(directory: string, file?: string): undefined {
  const tree = join(directory, release());
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, "modules.dep"), file === undefined ? "" : `${file}:\n`);
  if (file !== undefined) writeFileSync(join(tree, file), "not a module");
}

type Change = (pod: PluginPodObject) => PluginPodObject;

function withSpec(pod: PluginPodObject, spec: Partial<PodSpec>): PluginPodObject {
  return { ...pod, spec: { ...pod.spec, ...spec } };
}

/** Init containers, too. */
function withContainers(change: (container: Container) => Container): Change {
  return (pod) => {
    const { initContainers, containers } = pod.spec;
    return withSpec(pod, {
      ...(initContainers && { initContainers: initContainers.map(change) }),
      containers: containers.map(change),
    });
  };
}

/** Without that mount in any container; its volume stays. */
function withoutMount(path: string): Change {
  return withContainers(({ volumeMounts = [], ...container }) => ({
    ...container,
    volumeMounts: volumeMounts.filter(({ mountPath }) => mountPath !== path),
  }));
}

function withMount(path: string, difference: { readonly readOnly: boolean }): Change {
  return withContainers(({ volumeMounts = [], ...container }) => ({
    ...container,
    volumeMounts: volumeMounts.map((mount) =>
      mount.mountPath === path ? { ...mount, ...difference } : mount,
    ),
  }));
}

/** With another directory of the host in a volume. */
function withHostPath(volume: string, path: string): Change {
  return (pod) =>
    withSpec(pod, {
      volumes: (pod.spec.volumes ?? []).map((each) =>
        each.name === volume ? { ...each, hostPath: { path, type: "Directory" } } : each,
      ),
    });
}

function withoutPrivileges(modules: string): Change {
  const change = withContainers(({ securityContext, ...container }) => ({
    ...container,
    securityContext: { ...securityContext, privileged: false },
  }));
  return (pod) => withHostPath("modules", modules)(change(pod));
}

/** In a runtime that gives a privileged container the device rules of an ordinary one. */
function withoutHostDevices(pod: PluginPodObject): PluginPodObject {
  return { ...pod, metadata: { ...pod.metadata, annotations: { [untrustedAnnotation]: "true" } } };
}

/**
 * What the plugin sees of v4l2loopback 0.12 with one device: attributes as files, and a node of a number that no
 * driver of the host needs to have. Its rules are the only thing that is real, and the only thing that counts.
 */
function makeFakeModule(): undefined {
  const files: Readonly<Record<string, string>> = {
    "sys/module/v4l2loopback/initstate": "live",
    "sys/class/video4linux/video10/dev": "81:0",
    "sys/class/video4linux/video10/name": "Camera",
    "sys/class/video4linux/video10/format": "",
    "sys/class/video4linux/video10/buffers": "2",
    "sys/class/video4linux/video10/max_openers": "10",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(fakeModuleDir, path)), { recursive: true });
    writeFileSync(join(fakeModuleDir, path), `${text}\n`);
  }
  const node = join(fakeModuleDir, "dev/video10");
  mkdirSync(dirname(node), { recursive: true });
  if (!existsSync(node)) linuxCalls().makeCharDevice(node, 0o600, { major: 81, minor: 0 });
}
