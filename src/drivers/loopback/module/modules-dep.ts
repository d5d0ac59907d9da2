/** A module of a tree, as depmod(8) lists it. */
export interface ModuleEntry {
  /** `v4l2loopback`: as in /sys/module, without suffixes and with underscores. */
  readonly name: string;
  /** Path of its file below the tree: `kernel/drivers/media/mc/mc.ko.zst`. */
  readonly path: string;
  /** Paths of everything it needs, directly or not, in modules.dep's order: last is loaded first. */
  readonly needs: readonly string[];
}

/**
 * Name of the module in a file: `mc` for `kernel/drivers/media/mc/mc.ko.zst`. `-` and `_` are the same
 * in module names, and the kernel writes `_` (kernel/module/main.c; kmod's modname_normalize).
 */
export function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return file.replace(/\.ko(\.(gz|xz|zst))?$/, "").replaceAll("-", "_");
}

/**
 * The lines `path: path path …` of modules.dep (modules.dep(5)), by module name. The needs of a module are the full
 * transitive closure. Other lines are skipped; of two of the same name the first counts, as with kmod.
 */
export function parseModulesDep(text: string): ReadonlyMap<string, ModuleEntry> {
  const entries = new Map<string, ModuleEntry>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0 || line.startsWith("#")) continue;
    const path = line.slice(0, colon).trim();
    const name = moduleName(path);
    const needs = line.slice(colon + 1).split(/\s+/);
    if (!entries.has(name)) {
      entries.set(name, { name, path, needs: needs.filter((need) => need !== "") });
    }
  }
  return entries;
}

/** The names in modules.builtin, which has a path a line: modules that need no loading. */
export function parseModulesBuiltin(text: string): ReadonlySet<string> {
  const paths = text.split("\n").map((line) => line.trim());
  return new Set(paths.filter((path) => path !== "").map(moduleName));
}

/** Files to load for `entry`, in order: what it needs from right to left, then itself. */
export function loadOrder(entry: ModuleEntry, builtin: ReadonlySet<string>): readonly string[] {
  const needs = entry.needs.toReversed().filter((path) => !builtin.has(moduleName(path)));
  return [...needs, entry.path];
}
