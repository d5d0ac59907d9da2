import { join } from "node:path";
import { isSameBoot } from "../../common/boot-id.ts";
import { moveAside, readFileIfPresent } from "../../common/files.ts";
import { isRecord } from "../../common/is-record.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { writeStateFile } from "../write-state-file.ts";
import type { NumbersByDevice } from "./pod-numbers.ts";

/** What the file holds. */
export interface PodNumbersContent {
  /**
   * Empty if there is no file, or none that is known to be of this boot of the host: the containers of an earlier one
   * have ended.
   */
  readonly numbers: NumbersByDevice;
  /** `pod_numbers_unreadable`: why there are none although there is a file. */
  readonly problem: PluginError | undefined;
}

/** The numbers of 256 devices take 20 kB; a far larger file holds something else. */
const maxBytes = 1024 * 1024;

/** Version of the file format; a file of another version is moved aside as a damaged one. */
const version = 1;

/** `pod-numbers.json` in the state directory. */
export class PodNumbersFile {
  readonly path: string;
  readonly #bootId: string;

  /** @param bootId See {@link readBootId}. */
  constructor(stateDir: string, bootId: string) {
    this.path = join(stateDir, "pod-numbers.json");
    this.#bootId = bootId;
  }

  /** Reads the numbers. A file that holds none is moved aside to `pod-numbers.json.bad`. Never throws. */
  load(): PodNumbersContent {
    try {
      const text = readFileIfPresent(this.path, maxBytes);
      const numbers = text === undefined ? new Map() : readPodNumbers(text, this.#bootId);
      return { numbers, problem: undefined };
    } catch (cause) {
      const isDamaged = !(cause instanceof Error && "code" in cause);
      const isKept = isDamaged && moveAside(this.path, `${this.path}.bad`);
      const message = `${this.path} can't be read: ${messageOf(cause)}${isKept ? `; it is kept as ${this.path}.bad` : ""}.`;
      const remedy = isDamaged
        ? "Find out which program wrote to the file."
        : "Let this process read the file, and restart it.";
      const problem = new PluginError("pod_numbers_unreadable", message, { cause, remedy });
      return { numbers: new Map(), problem };
    }
  }

  /**
   * Replaces the file, see {@link writeStateFile}.
   * @throws PluginError `pod_numbers_not_kept`.
   */
  save(numbers: NumbersByDevice): Promise<void> {
    const text = writePodNumbers(numbers, this.#bootId);
    return writeStateFile(this.path, text, "pod_numbers_not_kept");
  }
}

/** The numbers as JSON. */
export function writePodNumbers(numbers: NumbersByDevice, bootId: string): string {
  const devices = [...numbers].map(([device, all]) => ({ device, numbers: [...all] }));
  return `${JSON.stringify({ version, boot_id: bootId, devices }, null, 2)}\n`;
}

/** Reads the numbers; none if they aren't known to be of this boot. @throws Error that says what is wrong with the text. */
export function readPodNumbers(text: string, bootId: string): NumbersByDevice {
  const data: unknown = JSON.parse(text);
  if (!isRecord(data)) throw new Error("it is not a JSON object");
  if (data["version"] !== version) {
    throw new Error(`its version is ${JSON.stringify(data["version"])}, not ${version}`);
  }
  if (!isSameBoot(data["boot_id"], bootId)) return new Map();
  const { devices } = data;
  if (!Array.isArray(devices)) throw new Error("it has no list of devices");
  return new Map(devices.map((entry: unknown) => readDevice(entry)));
}

function readDevice(entry: unknown): [string, ReadonlySet<string>] {
  const { device, numbers } = isRecord(entry) ? entry : {};
  const isNumber = (value: unknown) => typeof value === "string" && /^\d+:\d+$/.test(value);
  if (typeof device !== "string" || !Array.isArray(numbers) || !numbers.every(isNumber)) {
    throw new Error(`one of its devices is ${JSON.stringify(entry)?.slice(0, 100)}`);
  }
  return [device, new Set(numbers)];
}
