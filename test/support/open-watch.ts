import { watchOpens } from "../../src/linux/open-watch.ts";

/**
 * Counts the opens of `paths` (files or device nodes) by any process while `run` runs. The kernel merges identical ones
 * in a row, so the count may be too low, but is never 0 after an open.
 */
export async function countOpens(
  paths: readonly string[],
  run: () => Promise<unknown>,
): Promise<number> {
  using watch = watchOpens(paths);
  await run();
  return watch.opened().length;
}
