import { join } from "node:path";
import { ensureDirectory, moveAside, readFileIfPresent, replaceFile } from "../../common/files.ts";
import { isRecord } from "../../common/is-record.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
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

/** 256 devices take 80 kB; a far larger file holds something else. */
const maxBytes = 1024 * 1024;

/** Version of the file format; a file of another version is moved aside as a damaged one. */
const version = 1;

/** `cameras.json` in the state directory. */
export class CameraMemoryFile {
  readonly path: string;

  constructor(stateDir: string) {
    this.path = join(stateDir, "cameras.json");
  }

  /**
   * Reads the devices; none if there is no file. One that holds none is moved aside to `cameras.json.bad`. Never throws.
   * `problem` is `cameras_unreadable`.
   */
  load(): {
    readonly cameras: readonly RememberedCamera[];
    readonly problem: PluginError | undefined;
  } {
    try {
      return { cameras: this.read(), problem: undefined };
    } catch (cause) {
      const isDamaged = !(cause instanceof Error && "code" in cause);
      const isKept = isDamaged && moveAside(this.path, `${this.path}.bad`);
      const message = `${this.path} can't be read: ${messageOf(cause)}${isKept ? `; it is kept as ${this.path}.bad` : ""}.`;
      const remedy = isDamaged
        ? "Find out which program wrote to the file."
        : "Let this process read the file, and restart it.";
      return {
        cameras: [],
        problem: new PluginError("cameras_unreadable", message, { cause, remedy }),
      };
    }
  }

  /** Reads the devices, and changes nothing. @throws Error that says what is wrong with the file. */
  read(): readonly RememberedCamera[] {
    const text = readFileIfPresent(this.path, maxBytes);
    return text === undefined ? [] : readCameras(text);
  }

  /**
   * Replaces the file, see {@link replaceFile}. Creates the directory.
   * @throws PluginError `cameras_not_kept`.
   */
  async save(cameras: readonly RememberedCamera[]): Promise<void> {
    const directory = join(this.path, "..");
    try {
      ensureDirectory(directory);
      await replaceFile(this.path, writeCameras(cameras));
    } catch (cause) {
      const message = `${this.path} can't be written: ${messageOf(cause)}.`;
      const remedy = `Make room in ${directory} and let this process write there, or name another STATE_DIR.`;
      throw new PluginError("cameras_not_kept", message, { cause, remedy });
    }
  }
}

/** The devices as JSON. */
export function writeCameras(cameras: readonly RememberedCamera[]): string {
  return `${JSON.stringify({ version, cameras: cameras.map(writeCamera) }, null, 2)}\n`;
}

function writeCamera(camera: RememberedCamera) {
  const { id, place, serial, number, driver, card, busInfo, kinds } = camera;
  return { id, place, serial, number, driver, card, bus_info: busInfo, kinds };
}

/** Reads the devices. @throws Error that says what is wrong with the text. */
export function readCameras(text: string): readonly RememberedCamera[] {
  const data: unknown = JSON.parse(text);
  if (!isRecord(data)) throw new Error("it is not a JSON object");
  if (data["version"] !== version) {
    throw new Error(`its version is ${JSON.stringify(data["version"])}, not ${version}`);
  }
  const { cameras } = data;
  if (!Array.isArray(cameras)) throw new Error("it has no list of cameras");
  return cameras.map((entry: unknown) => readCamera(entry));
}

const kindNames: readonly DeviceKind[] = [
  ...(["camera", "codec", "output", "metadata", "media_controller", "other"] as const),
];

function readCamera(entry: unknown): RememberedCamera {
  const { id, place, serial, number, driver, card, bus_info, kinds } = isRecord(entry) ? entry : {};
  const texts = [id, place, driver, card, serial ?? "", bus_info ?? ""];
  const isKind = (kind: unknown) => kindNames.some((known) => known === kind);
  const isCamera =
    texts.every((text) => typeof text === "string") &&
    Number.isInteger(number) &&
    Array.isArray(kinds) &&
    kinds.every(isKind);
  if (!isCamera) throw new Error(`one of its cameras is ${JSON.stringify(entry)?.slice(0, 100)}`);
  const camera = { id, place, number, driver, card, kinds };
  return {
    ...(camera as Omit<RememberedCamera, "serial" | "busInfo">),
    ...(typeof serial === "string" && { serial }),
    ...(typeof bus_info === "string" && { busInfo: bus_info }),
  };
}
