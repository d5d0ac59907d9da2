import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builtImage } from "../image/built-image.ts";
import { imageName } from "../image/paths.ts";
import { builtPlugin } from "../kernel/compile.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { staticPod } from "../support/static-pod.ts";
import type { NodeRequest } from "./node-vm.ts";

/** How the plugin is on the node: its image as the DaemonSet's pod, or the executable as a systemd service. */
export type Way = "pod" | "unit";

/** A node to play the story on. */
export interface Stage {
  readonly moduleVersion: ModuleVersion;
  readonly way: Way;
}

/** Both ways and the oldest and the newest module. */
const usual: readonly Stage[] = [
  { moduleVersion: "0.15.4", way: "pod" },
  { moduleVersion: "0.12.7", way: "unit" },
];
const all: readonly Stage[] = [
  ...usual,
  { moduleVersion: "0.15.4", way: "unit" },
  { moduleVersion: "0.12.7", way: "pod" },
];

/**
 * What to play on: with VDP_NODES=all each version each way, with "0.15.4/unit" and the like those.
 *
 * @throws Error for anything else.
 */
export function stages(wanted = process.env["VDP_NODES"]): readonly Stage[] {
  if (wanted === undefined || wanted === "") return usual;
  if (wanted === "all") return all;
  return wanted.split(",").map((name) => {
    const stage = all.find(({ moduleVersion, way }) => `${moduleVersion}/${way}` === name.trim());
    if (stage) return stage;
    throw new Error(`VDP_NODES: "${name}" is neither "all" nor like 0.15.4/unit`);
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

/** The names of the checks that guest/life.sh and guest/unit-story.sh make, in order. */
export function checksOf({ way }: Stage): readonly string[] {
  const unit = (names: readonly string[]) => (way === "unit" ? names : []);
  return [
    "the plugin is installed",
    "two devices are allocatable",
    "doctor finds nothing in the way",
    "everybody may open the devices once udev is done",
    "and again after udev has given them its own mode",
    ...unit(unitBegins),
    "carol streams",
    "alice streams",
    "the kubelet is restarted: two devices are allocatable",
    "the kubelet is restarted: frames go on",
    "the kubelet is restarted: the containers are the same",
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
    ...unit(["the host is told to load the module"]),
    "after a reboot: two devices are allocatable",
    "after a reboot: carol streams",
    "after a reboot: carol finds nothing of before",
    "after a reboot: bob streams",
    "after a reboot: bob finds nothing of before",
    ...unit(unitEnds),
    "the plugin has no error to tell",
    "the kernel has no complaint",
  ];
}

const root = join(import.meta.dir, "../..");
const guest = (name: string) => join(import.meta.dir, "guest", name);

/** `work` is for files that the node is given; it has to stay until the node has booted. */
export async function nodeRequest(
  { moduleVersion, way }: Stage,
  { directory, work }: { directory: string; work: string },
): Promise<NodeRequest> {
  const common = { "life.sh": guest("life.sh"), "way.sh": guest(`as-${way}.sh`) };
  const own = way === "pod" ? await podFiles(work) : unitFiles(work);
  return {
    directory,
    moduleVersion,
    story: { ...common, "video-device-plugin": builtPlugin(), ...own },
    script: script(moduleVersion, way),
    timeoutSeconds: LIMIT_SECONDS,
  };
}

/** Four to five minutes on an idle machine; a busy one may take thrice that. */
export const LIMIT_SECONDS = 1200;

async function podFiles(work: string): Promise<Record<string, string>> {
  const pods = join(work, "pods");
  mkdirSync(pods, { recursive: true });
  for (const [file, tag] of [
    ["plugin-a", "e2e"],
    ["plugin-b", "next"],
  ]) {
    const image = imageName.replace(/:.*/, `:${tag}`);
    writeFileSync(
      join(pods, `${file}.json`),
      JSON.stringify(pluginPod(`video-device-${file}`, image)),
    );
  }
  return { "plugin.tar": (await builtImage()).archive, pods };
}

/** Buffers for the same reason for which frames are few: see `stream` in guest/node.sh. As in guest/as-unit.sh. */
const pluginOptions = { MAX_DEVICES: "2", V4L2_MAX_BUFFERS: "8" };

/**
 * As it is deployed, but for one limit: an emulated CPU is some 30 times slower, so that 200m of it are less than
 * what a probe every 2 s takes.
 */
function pluginPod(name: string, image: string): object {
  const pod = staticPod("full", { name, image, env: pluginOptions });
  return JSON.parse(JSON.stringify(pod).replace('"cpu":"200m"', '"cpu":"2"'));
}

function unitFiles(work: string): Record<string, string> {
  return {
    "next/video-device-plugin": nextBuild(join(work, "next")),
    systemd: join(root, "deploy/systemd"),
    "unit-story.sh": guest("unit-story.sh"),
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

function script(moduleVersion: ModuleVersion, way: Way): string {
  const unit = (line: string) => (way === "unit" ? line : ":");
  return `
module_version=${moduleVersion}
. /story/way.sh
. /story/life.sh
${unit(". /story/unit-story.sh")}
if first_boot; then
  node_comes_up
  ${unit("unit_is_right")}
  tenants_stream
  kubelet_restarts
  plugin_is_upgraded
  next_tenant_comes
  ${unit("load_at_boot")}
  nobody_complains
  reboot_node
fi
node_is_back
${unit(`check "after a reboot: the host has loaded the module" loaded_by_host`)}
nobody_complains
${unit("it_is_removed $tenants")}
${unit("bad_options_are_told")}
${unit("devices_go $tenants")}
finish 0
`;
}
