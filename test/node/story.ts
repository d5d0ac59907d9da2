import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builtImage } from "../image/built-image.ts";
import { imageName } from "../image/paths.ts";
import { builtPlugin } from "../kernel/compile.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import type { Profile } from "../support/manifests.ts";
import { staticPod } from "../support/static-pod.ts";
import type { NodeRequest } from "./node-vm.ts";

/**
 * How the plugin is on the node: its image as the DaemonSet's pod, of the profile full or restricted, or the executable
 * as a systemd service.
 */
export type Way = "pod" | "restricted" | "unit";

/** A node to play the story on. */
export interface Stage {
  readonly moduleVersion: ModuleVersion;
  readonly way: Way;
}

/** Pod and unit, and the oldest and the newest module: what the gate plays. */
const usual: readonly Stage[] = [
  { moduleVersion: "0.15.4", way: "pod" },
  { moduleVersion: "0.12.7", way: "unit" },
];
const all: readonly Stage[] = [
  ...usual,
  { moduleVersion: "0.15.4", way: "unit" },
  { moduleVersion: "0.12.7", way: "pod" },
  { moduleVersion: "0.15.4", way: "restricted" },
];

/** As VDP_NODES names it. */
export const nameOf = ({ moduleVersion, way }: Stage) => `${moduleVersion}/${way}`;

/**
 * What to play on: what VDP_NODES names, separated by commas. By default each version each way; all but
 * {@link usual} for the full run alone.
 *
 * @throws Error for what is none of them.
 */
export function stages(
  wanted = process.env["VDP_NODES"],
): (Stage & { readonly isLeftOut: boolean })[] {
  if (!wanted) {
    return all.map((stage) => ({
      ...stage,
      isLeftOut: !usual.includes(stage) && onlyInFullRun(`the node ${nameOf(stage)}`),
    }));
  }
  return wanted.split(",").map((name) => {
    const stage = all.find((candidate) => nameOf(candidate) === name.trim());
    if (stage) return { ...stage, isLeftOut: false };
    throw new Error(`VDP_NODES: "${name}" is none of ${all.map(nameOf).join(", ")}`);
  });
}

const unitBegins = [
  "systemctl status says active",
  "systemd has nothing against the unit",
  "installing it again changes nothing",
];
const unitEnds = [
  "after a reboot: the host has loaded the module",
  "uninstalling works",
  "nothing of the service is left",
  "it is uninstalled: frames go on",
  "installing it with bad options fails, and shows which",
  "installing it with good options works",
  "the pods close their cameras",
  "uninstalling with --remove-devices works",
  "uninstalled with --remove-devices: closed cameras of pods are the same",
  "the pods go",
  "installing it once more works",
  "uninstalling with --remove-devices works once more",
  "the pods are gone: so are cameras and module",
];

const comesUp = [
  "the plugin is installed",
  "two devices are allocatable",
  "any user may open the devices once udev is done",
];
const managed = [
  "doctor finds nothing in the way",
  "and again after udev has given them its own mode",
];
const network = [
  "it has a network of its own",
  "it answers at its own address",
  "it hears the kernel's events there",
];
const modeIsChanged = [
  "udev's own mode is reported, with a rule against it",
  "with that rule any user may open the devices",
];
const restrictedFirst = [
  "restricted: two devices are allocatable",
  "restricted: any user may open the devices once udev is done",
  ...modeIsChanged,
  "restricted: it leaves",
];
const streamOverRestart = [
  "carol streams",
  "alice streams",
  "the kubelet is restarted: two devices are allocatable",
  "the kubelet is restarted: frames go on",
  "the kubelet is restarted: the containers are the same",
];
const noComplaint = ["the plugin logs no error", "the kernel has no complaint"];

/** The names of the checks that a story of guest/ makes, in order. */
export function checksOf({ way }: Stage): readonly string[] {
  if (way === "restricted") {
    return [...comesUp, ...network, ...modeIsChanged, ...streamOverRestart, ...noComplaint];
  }
  const unit = (names: readonly string[]) => (way === "unit" ? names : []);
  return [
    ...(way === "pod" ? restrictedFirst : []),
    ...comesUp,
    ...managed,
    ...(way === "unit" ? unitBegins : network),
    ...streamOverRestart,
    "the plugin is upgraded",
    "the plugin is upgraded: it is another one",
    "the plugin is upgraded: two devices are allocatable",
    "the plugin is upgraded: it knows whose the devices are",
    "the plugin is upgraded: frames go on",
    "the plugin is upgraded: the containers are the same",
    "alice goes",
    "bob streams",
    "bob has alice's device",
    "bob finds nothing of alice",
    "carol has not noticed",
    ...unit(["the host is configured to load the module"]),
    "after a reboot: two devices are allocatable",
    "after a reboot: carol streams",
    "after a reboot: carol finds nothing of before",
    "after a reboot: bob streams",
    "after a reboot: bob finds nothing of before",
    ...unit(unitEnds),
    ...noComplaint,
  ];
}

const root = join(import.meta.dir, "../..");
const guest = (name: string) => join(import.meta.dir, "guest", name);

/** `work` is for files that the node gets; it has to stay until the node has booted. */
export async function nodeRequest(
  { moduleVersion, way }: Stage,
  { directory, work }: { directory: string; work: string },
): Promise<NodeRequest> {
  const own = way === "unit" ? unitFiles(work) : await podFiles(way, work);
  return {
    directory,
    moduleVersion,
    story: { "life.sh": guest("life.sh"), "video-device-plugin": builtPlugin(), ...own },
    script: way === "restricted" ? restrictedScript() : script(moduleVersion, way),
    timeoutSeconds: LIMIT_SECONDS,
  };
}

/** Five to ten minutes on an idle machine; a busy one may take thrice that. */
export const LIMIT_SECONDS = 1800;

async function podFiles(way: "pod" | "restricted", work: string): Promise<Record<string, string>> {
  const pods = join(work, "pods");
  mkdirSync(pods, { recursive: true });
  const write = (file: string, profile: Profile, tag: string) => {
    const image = imageName.replace(/:.*/, `:${tag}`);
    const pod = pluginPod(profile, `video-device-${file}`, image);
    writeFileSync(join(pods, `${file}.json`), JSON.stringify(pod));
  };
  write("plugin-a", way === "pod" ? "full" : "restricted", "e2e");
  write("plugin-b", "full", "next");
  write("plugin-restricted", "restricted", "e2e");
  return {
    "plugin.tar": (await builtImage()).archive,
    pods,
    "way.sh": guest("as-pod.sh"),
    "way-story.sh": guest("pod-story.sh"),
    "restricted-story.sh": guest("restricted-story.sh"),
  };
}

/** Buffers for the same reason for which frames are few: see `stream` in guest/node.sh. As in guest/as-unit.sh. */
const pluginOptions = { MAX_DEVICES: "2", V4L2_MAX_BUFFERS: "8", ENABLE_METRICS: "true" };

/** The pod as it is deployed. */
function pluginPod(profile: Profile, name: string, image: string): object {
  return staticPod(profile, { name, image, env: pluginOptions });
}

function unitFiles(work: string): Record<string, string> {
  return {
    "next/video-device-plugin": nextBuild(join(work, "next")),
    systemd: join(root, "deploy/systemd"),
    "way.sh": guest("as-unit.sh"),
    "way-story.sh": guest("unit-story.sh"),
  };
}

/** The same sources as another version. */
function nextBuild(next: string): string {
  for (const part of ["src", "deploy", "tsconfig.json", "bunfig.toml"]) {
    cpSync(join(root, part), join(next, part), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = `${manifest.version}-next`;
  writeFileSync(join(next, "package.json"), JSON.stringify({ ...manifest, version }));
  symlinkSync(join(root, "node_modules"), join(next, "node_modules"));
  const built = Bun.spawnSync([process.execPath, "deploy/build.ts"], { cwd: next });
  if (built.exitCode !== 0) throw new Error(`deploy/build.ts: ${built.stdout}${built.stderr}`);
  return join(next, "dist/video-device-plugin");
}

/** What a pod that only looks can live through: it re-creates nothing, and resets nothing between tenants. */
function restrictedScript(): string {
  return `
. /story/way.sh
. /story/life.sh
. /story/way-story.sh
. /story/restricted-story.sh
node_start /story/busybox.tar "\${images[@]}"
plugin_comes
pod_has_its_network
udev_takes_the_mode
tenants_stream
kubelet_restarts
no_complaints
finish 0
`;
}

function script(moduleVersion: ModuleVersion, way: "pod" | "unit"): string {
  const pod = (line: string) => (way === "pod" ? line : ":");
  const unit = (line: string) => (way === "unit" ? line : ":");
  return `
module_version=${moduleVersion}
. /story/way.sh
. /story/life.sh
. /story/way-story.sh
${pod(". /story/restricted-story.sh")}
if first_boot; then
  node_start /story/busybox.tar "\${images[@]}"
  ${pod("restricted_comes_first")}
  plugin_comes
  devices_are_managed
  ${pod("pod_has_its_network")}
  ${unit("unit_is_right")}
  tenants_stream
  kubelet_restarts
  plugin_is_upgraded
  next_tenant_comes
  ${unit("load_at_boot")}
  no_complaints
  reboot_node
fi
node_is_back
${unit(`check "after a reboot: the host has loaded the module" loaded_by_host`)}
no_complaints
${unit("it_is_removed $tenants")}
${unit("bad_options_are_reported")}
${unit("devices_go $tenants")}
finish 0
`;
}
