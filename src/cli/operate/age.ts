/** Units of an age, in seconds, the largest first. */
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** `45s`, `3m12s`, `2h5m`, `3d`: the two largest units, cut off and not rounded; never negative. */
export function formatAge(ms: number): string {
  let seconds = Math.max(0, Math.floor(ms / 1000));
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0s";
  return UNITS.slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(seconds / size);
      seconds -= count * size;
      return count === 0 ? "" : `${count}${name}`;
    })
    .join("");
}
