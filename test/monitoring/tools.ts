import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Where promtool and prometheus are, or why they aren't. */
export type Tools = { readonly directory: string } | { readonly skipped: string };

/** EX_UNAVAILABLE of sysexits.h: what provision.sh ends with if this machine can't have the tools. */
const UNAVAILABLE = 69;

/**
 * Fetches the tools, once for all runs. A machine that can't have them says so on stderr.
 *
 * @throws Error if they are required (`VDP_REQUIRE_LEVELS=1`) and not to be had, or the script is broken.
 */
export function provideTools(env = process.env): Tools {
  const { status, stdout, stderr } = spawnSync(join(import.meta.dir, "provision.sh"), {
    encoding: "utf8",
    env,
  });
  if (status === 0) return { directory: stdout.trim() };
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  if (status !== UNAVAILABLE || env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`there is no Prometheus to test with: ${reason}`);
  }
  process.stderr.write(`skipped: ${reason}\n`);
  return { skipped: reason };
}
