import { which } from "bun";

/**
 * True if a test must be skipped because a shell is missing; also prints that to stderr.
 * @throws Error if `VDP_REQUIRE_LEVELS=1` forbids skipping.
 */
export function skipShell(shell: string, env = process.env): boolean {
  if (which(shell) !== null) return false;
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but there is no ${shell}: apt-get install ${shell}`);
  }
  process.stderr.write(`skipped: completion by ${shell}: it is not installed\n`);
  return true;
}
