/**
 * The shortest of several times in milliseconds: measures again until one is below `limitMs`. A busy machine delays most
 * of them, which shows little about the program.
 */
export async function bestOf(
  limitMs: number,
  measure: () => Promise<number>,
  attempts = 8,
): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < attempts && best >= limitMs; n++) best = Math.min(best, await measure());
  return best;
}
