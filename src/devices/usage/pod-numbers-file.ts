import { join } from "node:path";
import { isSameBoot } from "../../common/boot-id.ts";
import { readEntries, readState, StateFile, writeState } from "../../common/state-file.ts";
import type { NumbersByDevice } from "./pod-numbers.ts";

/**
 * `pod-numbers.json` in the state directory. It has no numbers unless they are known to be of this boot of the host: the
 * containers of an earlier one have ended.
 *
 * @param bootId See {@link readBootId}.
 */
export function podNumbersFile(stateDir: string, bootId: string): StateFile<NumbersByDevice> {
  return new StateFile(join(stateDir, "pod-numbers.json"), {
    write: (numbers) => writePodNumbers(numbers, bootId),
    read: (text) => readPodNumbers(text, bootId),
    codes: { unreadable: "pod_numbers_unreadable", notKept: "pod_numbers_not_kept" },
  });
}

/** The numbers as text. */
export function writePodNumbers(numbers: NumbersByDevice, bootId: string): string {
  const devices = [...numbers].map(([device, all]) => ({ device, numbers: [...all] }));
  return writeState({ boot_id: bootId, devices });
}

/** Reads the numbers; none if they aren't known to be of this boot. @throws Error that says what is wrong with the text. */
export function readPodNumbers(text: string, bootId: string): NumbersByDevice {
  const data = readState(text);
  if (!isSameBoot(data["boot_id"], bootId)) return new Map();
  return new Map(readEntries(data, "devices", readDevice));
}

function readDevice({
  device,
  numbers,
}: Record<string, unknown>): [string, ReadonlySet<string>] | undefined {
  const isNumber = (value: unknown) => typeof value === "string" && /^\d+:\d+$/.test(value);
  if (typeof device !== "string" || !Array.isArray(numbers) || !numbers.every(isNumber)) {
    return undefined;
  }
  return [device, new Set(numbers)];
}
