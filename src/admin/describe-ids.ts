/** Parts of a list that a message names, each a run of numbers or a real device. */
const maxParts = 8;

/** Device IDs for a message: `video10 to video12, video20, usb-046d-0825-A1`; `none` if there are none. */
export function describeIds(ids: readonly string[]): string {
  const runs: { readonly first: string; last: string }[] = [];
  for (const id of ids) {
    const run = runs.at(-1);
    if (run !== undefined && isNext(run.last, id)) run.last = id;
    else runs.push({ first: id, last: id });
  }
  const parts = runs.map(({ first, last }) => (first === last ? first : `${first} to ${last}`));
  const named = parts.length > maxParts ? [...parts.slice(0, maxParts), "others"] : parts;
  return named.join(", ") || "none";
}

function isNext(id: string, other: string): boolean {
  const number = /^video(\d+)$/.exec(id)?.[1];
  return number !== undefined && other === `video${Number(number) + 1}`;
}
