import { statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import {
  type LoopbackKernel,
  LoopbackView,
  linuxKernel,
  readVideoDevices,
  type SysfsDevice,
} from "../../drivers/loopback/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { findHolders, type Holder } from "../../v4l2/holders.ts";
import { lookAtStream } from "../tools/loopback-look.ts";
import { findPods, podOf } from "../tools/pods-by-device.ts";

/** A video device as `devices list --json` tells it. */
export interface ListedDevice {
  readonly id: string;
  readonly number: number;
  readonly label: string;
  /** `v4l2loopback`, or what drives it; null if /sys doesn't tell. */
  readonly driver: string | null;
  /** `ok`, or the reason why it is not. */
  readonly state: string;
  /** What was seen, if the state isn't `ok`. */
  readonly detail: string;
  /** Of a loopback device: a writer feeds it. */
  readonly streaming: boolean;
  /** `YUYV:640x480@30`; empty if none was set. */
  readonly format: string;
  /** `81:3` */
  readonly device: string | null;
  readonly path: string;
  /** Permission bits, `0666`; null if there is no node. */
  readonly mode: string | null;
  /** Processes that have it open, of those that can be seen from here. */
  readonly holders: readonly Holder[];
  /** `namespace/name` of the pod that the kubelet gave it to; null if none, or not known. */
  readonly pod: string | null;
}

/** All video devices, and whether it is known which pods have them. */
export interface DevicesLook {
  readonly devices: readonly ListedDevice[];
  /** Why there is a kubelet that doesn't tell; empty if it does, or there is none. */
  readonly podsUnknown: string;
}

/**
 * Looks at all video devices without opening one. Of one with a writer's mark it asks the kernel, as the plugin does,
 * whether somebody has it open.
 */
export async function lookAtDevices(
  config: Config,
  kernel: LoopbackKernel = linuxKernel(linuxCalls()),
): Promise<DevicesLook> {
  const { sysfsDir, podResourcesSocket } = config;
  const found = readVideoDevices(sysfsDir);
  const holders = findHolders(found.flatMap(({ device }) => device ?? []));
  const pods = await findPods(podResourcesSocket);
  const view = new LoopbackView(config, kernel);
  const devices = found.map((sysfs) => {
    const key = sysfs.device === undefined ? null : formatDevice(sysfs.device);
    const pod = sysfs.loopback ? podOf(deviceId(sysfs.number), pods) : undefined;
    return {
      ...describe(sysfs, config, view),
      device: key,
      holders: (key === null ? undefined : holders.get(key)) ?? [],
      pod: pod === undefined ? null : `${pod.namespace}/${pod.pod}`,
    };
  });
  return { devices, podsUnknown: pods.unknown };
}

function describe(sysfs: SysfsDevice, { deviceDir, sysfsDir }: Config, view: LoopbackView) {
  const { number, name, loopback, driver } = sysfs;
  const id = deviceId(number);
  const path = join(deviceDir, id);
  const stream = lookAtStream(number, sysfsDir);
  const stat = statSync(path, { throwIfNoEntry: false });
  const seen = loopback ? view.observe({ id, number }).observation : undefined;
  return {
    ...{ id, number, label: name, path },
    driver: loopback ? "v4l2loopback" : (driver ?? null),
    state: seen?.reason ?? "ok",
    detail: seen?.detail ?? "",
    // A mark that outlived its writer is no stream.
    streaming: seen?.reason !== "stuck_writer" && stream?.streaming === true,
    format: stream?.format ?? "",
    mode: stat === undefined ? null : (stat.mode & 0o7777).toString(8).padStart(4, "0"),
  };
}
