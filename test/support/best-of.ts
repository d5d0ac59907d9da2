/**
 * The shortest time of several, ms: as many as it takes until one is below `limitMs`. A machine that is busy with other
 * things delays most of them, which says little about the program.
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
