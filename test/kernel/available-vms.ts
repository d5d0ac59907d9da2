import { type ModuleVersion, provision } from "./provision.ts";

/**
 * The directory of what VMs are made of, or undefined where none can run: then stderr says why, and the
 * tests skip. With VDP_REQUIRE_LEVELS=1, as in CI, they fail instead.
 *
 * @throws Error as {@link provision} does, and if VMs are required and not available.
 */
export async function availableVms(
  versions: readonly (ModuleVersion | "codecs")[],
): Promise<string | undefined> {
  const vms = await provision(versions);
  if (vms.available) return vms.directory;
  if (process.env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`no test VM can run here, and VDP_REQUIRE_LEVELS=1 wants them: ${vms.reason}`);
  }
  console.error(`skipped: ${vms.reason}`);
  return undefined;
}
