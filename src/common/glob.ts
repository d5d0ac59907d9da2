/** True if the whole text fits the pattern, in which `*` stands for any characters, none included, and `?` for one. */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = [...pattern];
  const given = [...text];
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  // A mismatch goes back to the last star only, so that no pattern takes more than pattern x text steps.
  for (let next = 0; next < given.length; ) {
    if (wanted[at] === "*") {
      star = at++;
      resumeAt = next;
    } else if (wanted[at] === "?" || (at < wanted.length && wanted[at] === given[next])) {
      at++;
      next++;
    } else if (star >= 0) {
      at = star + 1;
      next = ++resumeAt;
    } else {
      return false;
    }
  }
  while (wanted[at] === "*") at++;
  return at === wanted.length;
}

/** A text that fits both patterns; undefined if there is none. A `?` of both is an `x` in it. */
export function commonMatch(one: string, other: string): string | undefined {
  const [a, b] = [[...one], [...other]];
  const failed = new Set<number>();
  const from = (i: number, j: number): string | undefined => {
    const [left, right] = [a[i], b[j]];
    if (left === undefined && right === undefined) return "";
    const place = i * (b.length + 1) + j;
    if (failed.has(place)) return undefined;
    let found: string | undefined;
    if (left === "*") found = from(i + 1, j);
    if (found === undefined && right === "*") found = from(i, j + 1);
    if (found === undefined && left !== undefined && right !== undefined) {
      const same = left === right || isWild(left) || isWild(right);
      const both = left === "*" && right === "*";
      const rest =
        same && !both ? from(left === "*" ? i : i + 1, right === "*" ? j : j + 1) : undefined;
      const character = isWild(left) ? (isWild(right) ? "x" : right) : left;
      if (rest !== undefined) found = character + rest;
    }
    if (found === undefined) failed.add(place);
    return found;
  };
  return from(0, 0);
}

function isWild(character: string): boolean {
  return character === "*" || character === "?";
}
