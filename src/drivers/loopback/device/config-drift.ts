import { LogOnce } from "../../../common/log-once.ts";
import type { LogFields, Logger } from "../../../common/logger.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import {
  clampBuffers,
  type DeviceParameters,
  deviceRequest,
  parametersOf,
} from "../module/parameters.ts";
import type { ControlDevice } from "./control-device.ts";
import { readModuleParameter, readModuleVersion, readSysfsDevice } from "./sysfs.ts";

export interface ConfigDriftDeps {
  readonly settings: LoopbackSettings;
  readonly control: ControlDevice;
  readonly log: Logger;
}

/** A way in which an adopted device differs from the settings. */
interface Drift {
  readonly msg: string;
  /** What is and what was wanted, without the device: devices of one loader mostly differ alike. */
  readonly fields: LogFields;
}

/**
 * Warns of adopted devices that differ from the settings, as far as that can be seen. They are adopted nevertheless:
 * they are cameras, and recreating one would need it to be free.
 */
export class ConfigDrift {
  readonly #deps: ConfigDriftDeps;
  readonly #logged = new LogOnce();

  constructor(deps: ConfigDriftDeps) {
    this.#deps = deps;
  }

  /** Logs a line for each difference, once for each device. */
  warnOnce(devices: readonly DriverDevice[]): void {
    const groups = new Map<string, Drift & { readonly ids: string[] }>();
    for (const device of devices) {
      for (const drift of this.#driftOf(device)) {
        const key = JSON.stringify(drift);
        if (!this.#logged.isNew(device.id + key)) continue;
        const group = groups.get(key) ?? { ...drift, ids: [] };
        group.ids.push(device.id);
        groups.set(key, group);
      }
    }
    for (const { msg, fields, ids } of groups.values()) {
      this.#deps.log.warn(msg, { device_ids: ids, ...fields });
    }
  }

  #driftOf(device: DriverDevice): readonly Drift[] {
    const { settings, control } = this.#deps;
    const found = readSysfsDevice(settings.sysfsDir, device.number);
    if (found === undefined) return [];
    const { label, role } = deviceRequest(device, settings);
    const wanted = parametersOf(role, settings, readModuleVersion(settings.sysfsDir));
    const { exclusiveCaps, maxWidth, maxHeight, maxBuffers } = deviceParameters(
      device.number,
      settings.sysfsDir,
      control,
    );
    const wantedBuffers = clampBuffers(wanted.maxBuffers);
    const drifts: Drift[] = [];
    if (label !== "" && found.name !== label) {
      drifts.push({
        msg: "Adopted devices have another card label",
        fields: { card_label: found.name, wanted_card_label: label },
      });
    }
    if (exclusiveCaps !== undefined && exclusiveCaps !== wanted.exclusiveCaps) {
      drifts.push({
        msg: "Adopted devices were loaded with other capabilities",
        fields: { exclusive_caps: exclusiveCaps, wanted_exclusive_caps: wanted.exclusiveCaps },
      });
    }
    if (
      maxWidth !== undefined &&
      maxHeight !== undefined &&
      (maxWidth !== settings.maxWidth || maxHeight !== settings.maxHeight)
    ) {
      const isLarger = maxWidth > settings.maxWidth || maxHeight > settings.maxHeight;
      drifts.push({
        msg: `Adopted devices accept ${isLarger ? "larger" : "only smaller"} frames`,
        fields: {
          max_frame: `${maxWidth}x${maxHeight}`,
          wanted_max_frame: `${settings.maxWidth}x${settings.maxHeight}`,
        },
      });
    }
    if (maxBuffers !== undefined && maxBuffers !== wantedBuffers) {
      drifts.push({
        msg: "Adopted devices have another number of buffers",
        fields: { max_buffers: maxBuffers, wanted_max_buffers: wantedBuffers },
      });
    }
    return drifts;
  }
}

/** Parameters of a device, each undefined where it can't be known. */
export type KnownParameters = {
  readonly [name in keyof DeviceParameters]: DeviceParameters[name] | undefined;
};

/** What a device was created with: from the control device, or else from what the module was loaded with. */
export function deviceParameters(
  number: number,
  sysfsDir: string,
  control: Pick<ControlDevice, "isPresent" | "query">,
): KnownParameters {
  const known = control.isPresent() ? control.query(number) : undefined;
  if (known !== undefined) return known;
  const value = (name: string, index = 0) => readModuleParameter(sysfsDir, name)?.[index];
  const size = (name: string) => {
    const text = value(name) ?? "";
    return /^\d+$/.test(text) ? Number(text) : undefined;
  };
  // Devices that were added or recreated later are not in the parameters.
  const index = readModuleParameter(sysfsDir, "video_nr")?.indexOf(String(number)) ?? -1;
  const exclusive = index < 0 ? undefined : value("exclusive_caps", index);
  return {
    exclusiveCaps: exclusive === undefined ? undefined : exclusive === "Y",
    maxWidth: size("max_width"),
    maxHeight: size("max_height"),
    maxBuffers: size("max_buffers"),
  };
}
