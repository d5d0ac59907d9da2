/** The values in random order, as ranging over a Go map gives them. `random` is in [0, 1). */
export function shuffled<T>(values: Iterable<T>, random: () => number): T[] {
  return [...values]
    .map((value) => ({ value, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
