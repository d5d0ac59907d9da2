/** What an instance that ends knows of its devices, for the one that takes over. */
export interface HandOver {
  /** {@link VideoDriver.name}: another driver's devices have the same IDs. */
  readonly driver: string;
  /** The kernel's boot ID: after a reboot there are other devices. */
  readonly bootId: string;
  /** Devices that hold nothing of a pod, by ID, with what identifies each of them. */
  readonly clean: ReadonlyMap<string, string>;
  /** IDs of devices that were allocated, and that the kubelet has not listed since. */
  readonly unlisted: readonly string[];
}

/** Version of the note's form. A note of another form counts as none. */
const form = 1;

/** The note as a line of JSON. */
export function writeHandOver({ driver, bootId, clean, unlisted }: HandOver): string {
  return `${JSON.stringify({ form, driver, boot_id: bootId, clean: Object.fromEntries(clean), unlisted })}\n`;
}

/** Reads a note; undefined for an empty or damaged one, or for one of another form: then nothing is known. */
export function readHandOver(text: string): HandOver | undefined {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(note) || note["form"] !== form) return undefined;
  const { driver, boot_id: bootId, clean, unlisted } = note;
  if (typeof driver !== "string" || typeof bootId !== "string" || !isRecord(clean))
    return undefined;
  if (!Array.isArray(unlisted) || !unlisted.every((id) => typeof id === "string")) return undefined;
  const identities = Object.entries(clean).flatMap(([id, identity]) =>
    typeof identity === "string" ? [[id, identity] as const] : [],
  );
  return { driver, bootId, clean: new Map(identities), unlisted };
}

/**
 * The devices of a note that are clean for this instance: only if the driver and the boot are the same, and each device
 * is still the one that was clean.
 *
 * @param identities what identifies each device now, by ID.
 */
export function stillClean(
  note: HandOver,
  now: Pick<HandOver, "driver" | "bootId">,
  identities: ReadonlyMap<string, string>,
): string[] {
  if (note.driver !== now.driver || note.bootId !== now.bootId || now.bootId === "") return [];
  return [...note.clean].flatMap(([id, identity]) => (identities.get(id) === identity ? [id] : []));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
