/**
 * What becomes of a level that this machine can't play: skipped, and said so on stderr; a failure where
 * `VDP_REQUIRE_LEVELS=1` says that it must be able to, as in continuous integration.
 *
 * @param reason why not, undefined if it can.
 * @param what is not possible then.
 * @returns whether to skip.
 * @throws Error if the level is required.
 */
export function skipLevel(
  reason: string | undefined,
  what = "it can't be played here",
  env = process.env,
): boolean {
  if (reason === undefined) return false;
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but ${what}: ${reason}`);
  }
  process.stderr.write(`skipped: ${reason}\n`);
  return true;
}
