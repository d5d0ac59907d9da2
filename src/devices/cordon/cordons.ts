import { isRecord } from "../../common/is-record.ts";

/** An operator's note that a device is out of the offer. */
export interface Cordon {
  /** Device ID: `video10`. */
  readonly device: string;
  /** Why, for the next operator; may be empty. */
  readonly note: string;
  /** ms since the epoch. */
  readonly since: number;
}

/** All cordons by device ID, those of devices that aren't this node's included. */
export type Cordons = ReadonlyMap<string, Cordon>;

/** Longest note, characters. */
export const maxNoteLength = 200;

/** The cordons with one device cordoned; one that is cordoned already keeps its time and gets the new note. */
export function cordoned(cordons: Cordons, device: string, note: string, now: number): Cordons {
  const since = cordons.get(device)?.since ?? now;
  return new Map(cordons).set(device, { device, note, since });
}

/** The cordons without a device's cordon. */
export function uncordoned(cordons: Cordons, device: string): Cordons {
  const rest = new Map(cordons);
  rest.delete(device);
  return rest;
}

/** Version of the file format; a file of another version is moved aside as a damaged one. */
const version = 1;

/** The cordons as text: JSON that people can read and edit. */
export function writeCordons(cordons: Cordons): string {
  const entries = [...cordons.values()].map(({ device, note, since }) => ({
    device,
    note,
    since: new Date(since).toISOString(),
  }));
  return `${JSON.stringify({ version, cordons: entries }, null, 2)}\n`;
}

/** @throws Error that says what is wrong with the text. */
export function readCordons(text: string): Cordons {
  const data: unknown = JSON.parse(text);
  if (!isRecord(data)) throw new Error("it is not a JSON object");
  if (data["version"] !== version) {
    throw new Error(`its version is ${JSON.stringify(data["version"])}, not ${version}`);
  }
  const { cordons } = data;
  if (!Array.isArray(cordons)) throw new Error("it has no list of cordons");
  return new Map(cordons.map((entry) => readCordon(entry)).map((one) => [one.device, one]));
}

function readCordon(entry: unknown): Cordon {
  const { device, note, since } = isRecord(entry) ? entry : {};
  const at = typeof since === "string" ? Date.parse(since) : Number.NaN;
  if (typeof device !== "string" || typeof note !== "string" || Number.isNaN(at)) {
    throw new Error(`one of its cordons is ${JSON.stringify(entry)?.slice(0, 100)}`);
  }
  return { device, note, since: at };
}
