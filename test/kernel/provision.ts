import { join } from "node:path";

/**
 * v4l2loopback as Debian ships it: bookworm, bookworm-backports, trixie, sid; with bookworm's kernel 6.1, or
 * with the one behind the @.
 */
export type ModuleVersion = "0.12.7" | "0.13.2" | "0.15.0" | "0.15.4" | typeof NEWER_KERNEL;

export const MODULE_VERSIONS: readonly ModuleVersion[] = ["0.12.7", "0.13.2", "0.15.0", "0.15.4"];

/** The newest on the kernel of bookworm-backports, which has its modules as .ko.xz and decompresses them itself. */
export const NEWER_KERNEL = "0.15.4@6.12" as const;

/** The oldest in use, which has no control device, and the newest: what the gate plays. */
export const OLDEST_AND_NEWEST: readonly ModuleVersion[] = ["0.12.7", "0.15.4"];

/**
 * What VDP_MODULE_VERSIONS names, separated by commas, by default `wanted`.
 *
 * @throws Error for a version that isn't among {@link ModuleVersion}.
 */
export function requestedVersions(
  wanted: readonly ModuleVersion[] = OLDEST_AND_NEWEST,
): readonly ModuleVersion[] {
  const names = process.env["VDP_MODULE_VERSIONS"]?.split(",") ?? wanted;
  return names.map((name) => {
    const all = [...MODULE_VERSIONS, NEWER_KERNEL] as const;
    const version = all.find((known) => known === name.trim());
    if (version) return version;
    throw new Error(`VDP_MODULE_VERSIONS: "${name}" is none of ${all.join(", ")}`);
  });
}

/** What test VMs are made of on this machine, or why it can't run any. */
export type Provision =
  | { readonly available: true; readonly directory: string }
  | { readonly available: false; readonly reason: string };

/** sysexits.h EX_UNAVAILABLE: provision.sh's word for "not on this machine". */
const EX_UNAVAILABLE = 69;

/**
 * Runs provision.sh for the given versions: about a minute the first time, 30 ms from then on. With `codecs`, the kernels of
 * these versions get vim2m and vicodec.
 *
 * @throws Error if it failed for a reason that isn't this machine's: then a test must fail, not skip.
 */
export async function provision(
  versions: readonly (ModuleVersion | "codecs")[],
): Promise<Provision> {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64") {
    return { available: false, reason: `needs Linux on x64, not ${platform} on ${arch}` };
  }
  const script = Bun.spawn([join(import.meta.dir, "provision.sh"), ...versions], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    script.stdout.text(),
    script.stderr.text(),
    script.exited,
  ]);
  if (code === 0) return { available: true, directory: stdout.trim() };
  if (code === EX_UNAVAILABLE) {
    const lastLine = stderr.trim().split("\n").at(-1) ?? "";
    return { available: false, reason: lastLine.replace(/^provision: /, "") };
  }
  throw new Error(`provision.sh ${versions.join(" ")} failed with exit code ${code}:\n${stderr}`);
}
