import type { LogFields } from "../../../common/logger.ts";
import { clampBuffers, type DeviceParameters } from "../module/parameters.ts";
import { readModuleParameter, type SysfsDevice } from "./sysfs.ts";

/** A way in which a device that somebody else made differs from what was asked for. */
export interface Mismatch {
  readonly msg: string;
  /** What is and what was wanted, without the device: devices of one maker mostly differ alike. */
  readonly fields: LogFields;
}

/** A difference, and the devices that have it. */
export interface SharedMismatch extends Mismatch {
  readonly ids: readonly string[];
}

/** The same differences, each once, in the order of their first appearance. */
export function groupMismatches(
  found: Iterable<readonly [id: string, mismatch: Mismatch]>,
): readonly SharedMismatch[] {
  const groups = new Map<string, Mismatch & { readonly ids: string[] }>();
  for (const [id, { msg, fields }] of found) {
    const key = JSON.stringify([msg, fields]);
    const group = groups.get(key) ?? { msg, fields, ids: [] };
    group.ids.push(id);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/**
 * How an adopted device differs from the settings, as far as /sys tells. It is adopted all the same: it
 * is a camera, and making it anew would need it to be unused.
 */
export function mismatches(
  device: SysfsDevice,
  wanted: DeviceParameters & { readonly label: string },
  /** What the control device says; undefined before 0.13. */
  known: DeviceParameters | undefined,
  sysfsDir: string,
): readonly Mismatch[] {
  const found: Mismatch[] = [];
  const { label } = wanted;
  if (label !== "" && device.name !== label) {
    found.push({
      msg: "adopted devices have another card label",
      fields: { card_label: device.name, wanted_card_label: label },
    });
  }
  const exclusive = known?.exclusiveCaps ?? loadedExclusive(device.number, sysfsDir);
  if (exclusive !== undefined && exclusive !== wanted.exclusiveCaps) {
    found.push({
      msg: "adopted devices were loaded with other capabilities",
      fields: {
        exclusive_caps: exclusive,
        wanted_exclusive_caps: wanted.exclusiveCaps,
      },
    });
  }
  const size = known ?? loadedSize(sysfsDir);
  if (
    size !== undefined &&
    (size.maxWidth !== wanted.maxWidth || size.maxHeight !== wanted.maxHeight)
  ) {
    const isLarger = size.maxWidth > wanted.maxWidth || size.maxHeight > wanted.maxHeight;
    found.push({
      msg: `adopted devices take ${isLarger ? "larger" : "only smaller"} frames`,
      fields: {
        max_frame: `${size.maxWidth}x${size.maxHeight}`,
        wanted_max_frame: `${wanted.maxWidth}x${wanted.maxHeight}`,
      },
    });
  }
  const buffers = known?.maxBuffers ?? loadedNumber(sysfsDir, "max_buffers");
  const wantedBuffers = clampBuffers(wanted.maxBuffers);
  if (buffers !== undefined && buffers !== wantedBuffers) {
    found.push({
      msg: "adopted devices have another number of buffers",
      fields: { max_buffers: buffers, wanted_max_buffers: wantedBuffers },
    });
  }
  return found;
}

/** The module's own bounds, which are those of all devices it was loaded with. */
function loadedSize(sysfsDir: string) {
  const maxWidth = loadedNumber(sysfsDir, "max_width");
  const maxHeight = loadedNumber(sysfsDir, "max_height");
  return maxWidth === undefined || maxHeight === undefined ? undefined : { maxWidth, maxHeight };
}

function loadedNumber(sysfsDir: string, name: string): number | undefined {
  const [text] = readModuleParameter(sysfsDir, name) ?? [];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * exclusive_caps of the device the module was loaded with under this number, undefined if it wasn't
 * loaded with it by number. (A device that was added or made anew later isn't in the parameters.)
 */
function loadedExclusive(number: number, sysfsDir: string): boolean | undefined {
  const index = readModuleParameter(sysfsDir, "video_nr")?.indexOf(String(number)) ?? -1;
  if (index < 0) return undefined;
  const value = readModuleParameter(sysfsDir, "exclusive_caps")?.[index];
  return value === undefined ? undefined : value === "Y";
}
