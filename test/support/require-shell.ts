import { which } from "bun";

/**
 * Whether a test must be skipped for want of a shell, said so on stderr.
 * @throws Error where `VDP_REQUIRE_LEVELS=1` says that nothing may be skipped.
 */
export function skipShell(shell: string, env = process.env): boolean {
  if (which(shell) !== null) return false;
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but there is no ${shell}: apt-get install ${shell}`);
  }
  process.stderr.write(`skipped: completion by ${shell}: it is not installed\n`);
  return true;
}
