import { join } from "node:path";
import { readEntries, readState, StateFile, writeState } from "../../common/state-file.ts";

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

/** `cordoned.json` in the state directory. */
export function cordonFile(stateDir: string): StateFile<Cordons> {
  return new StateFile(join(stateDir, "cordoned.json"), {
    write: writeCordons,
    read: readCordons,
    codes: {
      unreadable: "cordons_unreadable",
      damaged: "cordons_damaged",
      notKept: "cordon_not_kept",
    },
    remedy: "cordon again what was cordoned",
  });
}

/** The cordons as text. */
export function writeCordons(cordons: Cordons): string {
  const entries = [...cordons.values()].map(({ device, note, since }) => ({
    device,
    note,
    since: new Date(since).toISOString(),
  }));
  return writeState({ cordons: entries });
}

/** @throws Error that says what is wrong with the text. */
export function readCordons(text: string): Cordons {
  const cordons = readEntries(readState(text), "cordons", readCordon);
  return new Map(cordons.map((one) => [one.device, one]));
}

function readCordon({ device, note, since }: Record<string, unknown>): Cordon | undefined {
  const at = typeof since === "string" ? Date.parse(since) : Number.NaN;
  if (typeof device !== "string" || typeof note !== "string" || Number.isNaN(at)) return undefined;
  return { device, note, since: at };
}
