import { isSameBoot } from "../common/boot-id.ts";
import { isRecord } from "../common/is-record.ts";

/** What an instance that ends knows of its devices, for the one that takes over. */
export interface HandOver {
  /** {@link VideoDriver.name}: another driver's devices have the same IDs. */
  readonly driver: string;
  /** {@link readBootId}: after a reboot there are other devices. */
  readonly bootId: string;
  /** Devices that hold nothing of a pod, by ID, with what identifies each of them. */
  readonly clean: ReadonlyMap<string, string>;
  /** Devices that were allocated, and that the kubelet has not listed since: ms since the allocation, by ID. */
  readonly unlisted: ReadonlyMap<string, number>;
}

/** Version of the note's form. A note of another form counts as none. */
const form = 2;

/** The note as a line of JSON. */
export function writeHandOver({ driver, bootId, clean, unlisted }: HandOver): string {
  const devices = { clean: Object.fromEntries(clean), unlisted_ms: Object.fromEntries(unlisted) };
  return `${JSON.stringify({ form, driver, boot_id: bootId, ...devices })}\n`;
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
  const { driver, boot_id: bootId, clean, unlisted_ms: unlisted } = note;
  if (typeof driver !== "string" || typeof bootId !== "string") return undefined;
  if (!isRecord(clean) || !isRecord(unlisted)) return undefined;
  const identities = Object.entries(clean).flatMap(([id, identity]) =>
    typeof identity === "string" ? [[id, identity] as const] : [],
  );
  // A device of unknown age would count as allocated just now, and be kept as it is: then nothing of the note counts.
  const ages = Object.entries(unlisted);
  if (!ages.every((entry): entry is [string, number] => isAge(entry[1]))) return undefined;
  return { driver, bootId, clean: new Map(identities), unlisted: new Map(ages) };
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
  if (note.driver !== now.driver || !isSameBoot(note.bootId, now.bootId)) return [];
  return [...note.clean].flatMap(([id, identity]) => (identities.get(id) === identity ? [id] : []));
}

function isAge(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
