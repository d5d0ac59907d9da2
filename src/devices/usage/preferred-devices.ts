/** The kubelet's request for one container. */
export interface PreferenceRequest {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  /** Number of devices in all. */
  readonly size: number;
}

/**
 * Chooses the devices to prefer: first those of `mustInclude`, then the least recently requested, of equals the one
 * with the lowest number. So a device that a pod has just released gets time for its reset.
 *
 * The kubelet takes the answer as advice, but an error would fail the pod's admission. So any request gets the best
 * answer there is, with no ID twice and with no more than `size` IDs unless `mustInclude` has more.
 */
export function preferredDevices(
  { available, mustInclude, size }: PreferenceRequest,
  lastRequested: (id: string) => number | undefined,
): string[] {
  const chosen = new Set(mustInclude);
  const candidates = [...new Set(available)]
    .filter((id) => !chosen.has(id))
    .map((id) => ({ id, used: lastRequested(id) ?? Number.NEGATIVE_INFINITY }))
    .sort((a, b) => (a.used === b.used ? compareIds(a.id, b.id) : a.used - b.used));
  for (const { id } of candidates) {
    if (chosen.size >= size) break;
    chosen.add(id);
  }
  return [...chosen];
}

/** Compares IDs by the number at their end (`video9` before `video10`), or else as text. */
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
