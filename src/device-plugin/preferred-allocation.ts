/** One container's question, as the kubelet asks it. */
export interface PreferenceQuestion {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  /** How many devices in all. */
  readonly size: number;
}

/**
 * The devices to prefer: those that must be in, then the least recently used, lowest number first among
 * equals. Spreading use leaves a device that has just been given back time to be cleaned.
 *
 * The answer is advice, and an error would fail the pod's admission: whatever is asked, it is answered
 * as well as it can be (never more than `size` beyond what must be in, never an ID twice).
 */
export function preferredDevices(
  question: PreferenceQuestion,
  lastAllocated: (id: string) => number | undefined,
): string[] {
  const chosen = new Set(question.mustInclude);
  const candidates = [...new Set(question.available)]
    .filter((id) => !chosen.has(id))
    .map((id) => ({ id, used: lastAllocated(id) ?? Number.NEGATIVE_INFINITY }))
    .sort((a, b) => (a.used === b.used ? compareIds(a.id, b.id) : a.used - b.used));
  for (const { id } of candidates) {
    if (chosen.size >= question.size) break;
    chosen.add(id);
  }
  return [...chosen];
}

/** Orders IDs by the number they end in (`video9` before `video10`), else by their letters. */
export function compareIds(a: string, b: string): number {
  const [numberA, numberB] = [trailingNumber(a), trailingNumber(b)];
  if (numberA !== undefined && numberB !== undefined && numberA !== numberB) {
    return numberA - numberB;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function trailingNumber(id: string): number | undefined {
  const digits = /\d+$/.exec(id)?.[0];
  return digits === undefined ? undefined : Number(digits);
}
