import { distance } from "fastest-levenshtein";

/**
 * The candidate that `word` probably stands for; undefined if none is near. Near means an edit distance of at most
 * `maxDistance` (default: a third of the word, at least 2), or that `word` begins only this candidate.
 */
export function suggest(
  word: string,
  candidates: readonly string[],
  maxDistance = Math.max(2, Math.floor(word.length / 3)),
): string | undefined {
  let best: string | undefined;
  let bestDistance = maxDistance + 1;
  for (const candidate of candidates) {
    const candidateDistance = distance(word, candidate);
    if (candidateDistance < bestDistance) {
      best = candidate;
      bestDistance = candidateDistance;
    }
  }
  if (best !== undefined && bestDistance < word.length) return best;
  const completions = word === "" ? [] : candidates.filter((name) => name.startsWith(word));
  return completions.length === 1 ? completions[0] : undefined;
}

/** `; did you mean X?` for the end of a message, or nothing. */
export function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
}
