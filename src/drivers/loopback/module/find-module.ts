import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { PluginError } from "../../../common/plugin-error.ts";
import { installHint } from "./install-hint.ts";
import {
  loadOrder,
  type ModuleEntry,
  parseModulesBuiltin,
  parseModulesDep,
} from "./modules-dep.ts";

/** The module, and the name of its file and of its directory in /sys/module. */
export const MODULE = "v4l2loopback";

/** What v4l2loopback needs, if only its file was found (its modinfo names videodev, which needs mc). */
const NEEDS = "videodev";

/** Where the kernel has that and what it needs, last first as in modules.dep, if nobody ran depmod (drivers/media). */
const NEEDED_FILES = ["kernel/drivers/media/v4l2-core/videodev", "kernel/drivers/media/mc/mc"];

/**
 * Where to look when modules.dep doesn't know the module, because nobody ran depmod: first what an
 * administrator would have put in place of the kernel's own, as depmod.d(5) does by default.
 */
const DIRECTORIES = [
  "updates/dkms",
  "updates",
  "extra",
  "ubuntu/dkms/v4l2loopback",
  "kernel/v4l2loopback",
  "weak-updates",
  "kernel/drivers/media",
];

const SUFFIXES = [".ko", ".ko.zst", ".ko.xz", ".ko.gz"];

/**
 * The files to load for v4l2loopback, as absolute paths in order, from the tree of one kernel
 * (`/lib/modules/6.8.0-45-generic`). What is built in or already loaded needn't be filtered out by
 * anyone but the loader: loading it again is EEXIST.
 *
 * @throws PluginError `module_tree_not_found` or `module_file_not_found`.
 */
export function findModule(modulesDir: string, kernelRelease: string): readonly string[] {
  const tree = join(modulesDir, kernelRelease);
  if (!isDirectory(tree)) throw treeNotFound(tree, modulesDir);
  const known = parseModulesDep(read(join(tree, "modules.dep")));
  const builtin = parseModulesBuiltin(read(join(tree, "modules.builtin")));
  const entry = known.get(MODULE) ?? search(tree, known.get(NEEDS));
  if (entry === undefined) {
    throw new PluginError(
      "module_file_not_found",
      `There is no file of the module ${MODULE} in ${tree}.`,
      { remedy: installHint(MODULE, kernelRelease) },
    );
  }
  return loadOrder(entry, builtin).map((path) => (isAbsolute(path) ? path : join(tree, path)));
}

function search(tree: string, needed: ModuleEntry | undefined): ModuleEntry | undefined {
  const needs =
    needed === undefined
      ? NEEDED_FILES.flatMap((path) => existing(tree, path) ?? [])
      : [needed.path, ...needed.needs];
  for (const directory of DIRECTORIES) {
    const path = existing(tree, join(directory, MODULE));
    if (path !== undefined) return { name: MODULE, path, needs };
  }
  return undefined;
}

/** The path with the suffix that the tree has it with. */
function existing(tree: string, path: string): string | undefined {
  return SUFFIXES.map((suffix) => path + suffix).find((file) => existsSync(join(tree, file)));
}

function treeNotFound(tree: string, modulesDir: string): PluginError {
  return new PluginError(
    "module_tree_not_found",
    `There is no ${tree}, where the running kernel's modules should be.`,
    {
      remedy: remedyForTree(modulesDir, basename(tree)),
    },
  );
}

function remedyForTree(modulesDir: string, kernelRelease: string): string {
  if (!isDirectory(modulesDir)) {
    return "Mount the host's /lib/modules read-only into the container, or load v4l2loopback on the host.";
  }
  if (readdirSync(modulesDir).length > 0) {
    return "Mount the host's whole /lib/modules: this one is of another kernel. After a kernel update, reboot the node.";
  }
  return `${modulesDir} is empty: mount the host's, or if the host's own is empty, too, give it modules. ${installHint(MODULE, kernelRelease)}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
