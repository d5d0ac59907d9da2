/** Units of an age and their length in seconds, the largest first. */
const units = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** An age as kubectl writes it: `45s`, `3m12s`, `2h5m`, `3d`. The two largest units, cut off and never negative. */
export function formatAge(ms: number): string {
  let seconds = Math.max(0, Math.floor(ms / 1000));
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0s";
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(seconds / size);
      seconds -= count * size;
      return count === 0 ? "" : `${count}${name}`;
    })
    .join("");
}
