import { join } from "node:path";
import { readEntries, readState, StateFile, writeState } from "../../common/state-file.ts";
import type { DeviceKind } from "../../v4l2/device-kind.ts";
import type { RememberedDevice } from "../../v4l2/identify.ts";

/** A device that was plugged in before: what names it, and what it was, for times at which it can't be asked. */
export interface RememberedCamera extends RememberedDevice {
  /** Number of its main node, `10` for /dev/video10. */
  readonly number: number;
  readonly driver: string;
  readonly card: string;
  readonly busInfo?: string;
  /** Kind of each of its nodes, ascending by number. */
  readonly kinds: readonly DeviceKind[];
}

/** True if nothing of the device has changed that is remembered. */
export function isSameCamera(a: RememberedCamera, b: RememberedCamera): boolean {
  return JSON.stringify(writeCamera(a)) === JSON.stringify(writeCamera(b));
}

/** `cameras.json` in the state directory. */
export function cameraMemoryFile(stateDir: string): StateFile<readonly RememberedCamera[]> {
  return new StateFile(join(stateDir, "cameras.json"), {
    write: (cameras) => writeState({ cameras: cameras.map(writeCamera) }),
    read: (text) => readEntries(readState(text), "cameras", readCamera),
    codes: { unreadable: "cameras_unreadable", notKept: "cameras_not_kept" },
  });
}

function writeCamera(camera: RememberedCamera) {
  const { id, place, serial, number, driver, card, busInfo, kinds } = camera;
  return { id, place, serial, number, driver, card, bus_info: busInfo, kinds };
}

const kindNames: readonly DeviceKind[] = [
  ...(["camera", "codec", "output", "metadata", "media_controller", "other"] as const),
];

function readCamera(entry: Record<string, unknown>): RememberedCamera | undefined {
  const { id, place, serial, number, driver, card, bus_info, kinds } = entry;
  const texts = [id, place, driver, card, serial ?? "", bus_info ?? ""];
  const isKind = (kind: unknown) => kindNames.some((known) => known === kind);
  const isCamera =
    texts.every((text) => typeof text === "string") &&
    Number.isInteger(number) &&
    Array.isArray(kinds) &&
    kinds.every(isKind);
  if (!isCamera) return undefined;
  const camera = { id, place, number, driver, card, kinds };
  return {
    ...(camera as Omit<RememberedCamera, "serial" | "busInfo">),
    ...(typeof serial === "string" && { serial }),
    ...(typeof bus_info === "string" && { busInfo: bus_info }),
  };
}
