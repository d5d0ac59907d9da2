import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { readSmallFile } from "../../../common/files.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { installHint } from "./install-hint.ts";
import {
  loadOrder,
  type ModuleEntry,
  parseModulesBuiltin,
  parseModulesDep,
} from "./modules-dep.ts";

/** Name of the module, of its file and of its directory in /sys/module. */
export const loopbackModule = "v4l2loopback";

/** The module that v4l2loopback needs (its modinfo), and which needs mc. For a tree where only its file is found. */
const neededModule = "videodev";

/** The files of that and of mc in the kernel's tree (drivers/media), last first as in modules.dep. */
const neededFiles = ["kernel/drivers/media/v4l2-core/videodev", "kernel/drivers/media/mc/mc"];

/**
 * Where to look if modules.dep doesn't know the module, because depmod did not run: first what an administrator would
 * install in place of the kernel's own, as depmod.d(5) does by default.
 */
const directories = [
  "updates/dkms",
  "updates",
  "extra",
  "ubuntu/dkms/v4l2loopback",
  "kernel/v4l2loopback",
  "weak-updates",
  "kernel/drivers/media",
];

const suffixes = [".ko", ".ko.zst", ".ko.xz", ".ko.gz"];

/**
 * The files to load for v4l2loopback, as absolute paths in order, from the tree of one kernel
 * (`/lib/modules/6.8.0-45-generic`). Modules that are loaded already are among them: the loader skips those.
 *
 * @throws PluginError `module_tree_not_found`, or `module_file_not_found`, also for a module that is built in.
 */
export function findModule(modulesDir: string, kernelRelease: string): readonly string[] {
  const tree = join(modulesDir, kernelRelease);
  if (!isDirectory(tree)) throw treeNotFound(tree, modulesDir);
  const known = parseModulesDep(readSmallFile(join(tree, "modules.dep")) ?? "");
  const builtin = builtInModules(tree);
  if (builtin.has(loopbackModule)) throw notStarted(tree);
  const entry = known.get(loopbackModule) ?? search(tree, known.get(neededModule));
  if (entry === undefined) {
    throw new PluginError(
      "module_file_not_found",
      `There is no file of the module ${loopbackModule} in ${tree}.`,
      { remedy: installHint(loopbackModule, kernelRelease) },
    );
  }
  return loadOrder(entry, builtin).map((path) => (isAbsolute(path) ? path : join(tree, path)));
}

/**
 * True if the module is a part of the running kernel, so that it is never loaded or unloaded: modules.builtin of the
 * kernel's tree has it. False if that can't be read.
 */
export function isBuiltIn(modulesDir: string, kernelRelease: string): boolean {
  return builtInModules(join(modulesDir, kernelRelease)).has(loopbackModule);
}

function builtInModules(tree: string): ReadonlySet<string> {
  return parseModulesBuiltin(readSmallFile(join(tree, "modules.builtin")) ?? "");
}

/** A module that is built in has a directory in /sys from the kernel's start on: nothing asks for its file then. */
function notStarted(tree: string): PluginError {
  return new PluginError(
    "module_file_not_found",
    `${loopbackModule} is built into this kernel (${join(tree, "modules.builtin")}), so there is no file to load, and /sys/module has no ${loopbackModule}.`,
    {
      remedy: `Check that SYSFS_DIR is the host's /sys. On the host, this shows whether the module failed: dmesg | grep ${loopbackModule}`,
    },
  );
}

function search(tree: string, needed: ModuleEntry | undefined): ModuleEntry | undefined {
  const needs =
    needed === undefined
      ? neededFiles.flatMap((path) => existing(tree, path) ?? [])
      : [needed.path, ...needed.needs];
  for (const directory of directories) {
    const path = existing(tree, join(directory, loopbackModule));
    if (path !== undefined) return { name: loopbackModule, path, needs };
  }
  return undefined;
}

/** The path with the suffix that it has in the tree. */
function existing(tree: string, path: string): string | undefined {
  return suffixes.map((suffix) => path + suffix).find((file) => existsSync(join(tree, file)));
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
  return `${modulesDir} is empty: mount the host's; if the host's is empty as well, install modules there. ${installHint(loopbackModule, kernelRelease)}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
