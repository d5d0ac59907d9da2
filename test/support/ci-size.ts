/**
 * How much of each matrix of module versions, nodes and programs is played, by `VDP_CI`: what `.ci/run` sets.
 * - `gate`: each part on at least one version of the real thing, which every change has to pass.
 * - `full`: all there is. The default.
 *
 * @throws Error for any other value.
 */
export function ciSize(env: Readonly<Record<string, string | undefined>> = process.env) {
  const size = env["VDP_CI"] || "full";
  if (size === "gate" || size === "full") return size;
  throw new Error(`VDP_CI is "gate" or "full", not "${size}".`);
}

/**
 * True in the gate, of what only the full run has; says so on stderr. The tests are to be skipped then and not left
 * away, so that the report shows and counts them.
 */
export function onlyInFullRun(
  what: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  say: (text: string) => unknown = (text) => process.stderr.write(text),
): boolean {
  if (ciSize(env) === "full") return false;
  say(`skipped: ${what}: only in the full run\n`);
  return true;
}
