import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PluginError } from "../../../common/plugin-error.ts";
import { loopbackModule } from "./find-module.ts";

/** Where modprobe looks, modprobe.d(5); of two files of one name the first counts. */
export const modprobeDirectories: readonly string[] = [
  "/etc/modprobe.d",
  "/run/modprobe.d",
  "/usr/local/lib/modprobe.d",
  "/usr/lib/modprobe.d",
  "/lib/modprobe.d",
];

/** What an administrator configured for modprobe about v4l2loopback. */
export interface ModprobeConfig {
  /** `name=value` of all `options` lines, in order: of one name the kernel uses the last. */
  readonly options: readonly ModprobeOption[];
  /** The `install` line, which says what to run instead of loading; undefined if there is none. */
  readonly install: { readonly command: string; readonly where: string } | undefined;
}

export interface ModprobeOption {
  readonly name: string;
  /** As it is written: `max_openers=20`. */
  readonly text: string;
  /** `/etc/modprobe.d/cameras.conf:3` */
  readonly where: string;
}

/** Commands that mean "don't load". */
const refusals = new Set(["false", "true", ":"]);

/** Reads the configuration; skips directories and files that can't be read, as modprobe does. */
export function readModprobeConfig(directories: readonly string[]): ModprobeConfig {
  const options: ModprobeOption[] = [];
  let install: ModprobeConfig["install"];
  for (const path of configFiles(directories)) {
    for (const { words, line } of configLines(path)) {
      const [keyword, name, ...rest] = words;
      if (name?.replaceAll("-", "_") !== loopbackModule) continue;
      const where = `${path}:${line}`;
      if (keyword === "install") install ??= { command: rest.join(" "), where };
      if (keyword !== "options") continue;
      for (const text of splitOptions(rest.join(" "))) {
        options.push({ name: text.replace(/=.*$/s, "").replaceAll("-", "_"), text, where });
      }
    }
  }
  return { options, install };
}

/**
 * Refuses to load where an administrator forbids it by `install v4l2loopback /bin/false`, which a system call would
 * ignore.
 * @throws PluginError `module_vetoed`.
 */
export function refuseVetoed({ install }: ModprobeConfig): void {
  const program = install?.command.split(/\s/)[0]?.split("/").at(-1) ?? "";
  if (install === undefined || !refusals.has(program)) return;
  throw new PluginError(
    "module_vetoed",
    `v4l2loopback is not to be loaded on this node: ${install.where} says "install ${loopbackModule} ${install.command}".`,
    { remedy: "Remove that line, or load the module on the host (modprobe -i v4l2loopback)." },
  );
}

function configFiles(directories: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      if (name.endsWith(".conf") && !byName.has(name)) byName.set(name, join(directory, name));
    }
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

/** Lines with their numbers. A backslash at a line's end joins it with the next, under the first one's number. */
function configLines(path: string): { readonly words: string[]; readonly line: number }[] {
  const found: { words: string[]; line: number }[] = [];
  let begun: { text: string; line: number } | undefined;
  for (const [index, raw] of textOf(path).split("\n").entries()) {
    const { text, line }: { text: string; line: number } = begun ?? { text: "", line: index + 1 };
    const joined = text + raw;
    begun = joined.endsWith("\\") ? { text: `${joined.slice(0, -1)} `, line } : undefined;
    const words = joined.trim().split(/\s+/);
    if (begun === undefined && !joined.trimStart().startsWith("#")) found.push({ words, line });
  }
  return found;
}

/** Splits at spaces outside of double quotes, as lib/cmdline.c does. */
function splitOptions(text: string): string[] {
  return text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Empty if it can't be read. With the white space at its begin, which counts in line numbers. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
