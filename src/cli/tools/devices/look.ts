import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../../config/config.ts";
import { formatDevice } from "../../../linux/device-number.ts";
import { linuxCalls } from "../../../linux/linux-calls.ts";
import { deviceId } from "../../../v4l2/device-ids.ts";
import { findHolders, type Holder } from "../../../v4l2/holders.ts";
import { linuxKernel } from "../../../v4l2/loopback/kernel.ts";
import { judge } from "../../../v4l2/loopback/observe.ts";
import { readSysfs, type SysfsDevice } from "../../../v4l2/loopback/sysfs.ts";
import { lookAtStream } from "../loopback-look.ts";
import { listPodDevices, type PodDevice } from "../pod-devices.ts";

/** A video device as `devices list --json` tells it. */
export interface ListedDevice {
  readonly id: string;
  readonly number: number;
  readonly label: string;
  /** `v4l2loopback`, or what drives it; null if /sys doesn't tell. */
  readonly driver: string | null;
  /** `ok`, or what is wrong with it: a state of DeviceState. */
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

/** Looks at all video devices without opening one. */
export async function lookAtDevices(config: Config): Promise<ListedDevice[]> {
  const view = readSysfs(config.sysfsDir, numbers(config.sysfsDir));
  const devices = [...view.devices.values()];
  const holders = findHolders(devices.flatMap(({ device }) => device ?? []));
  const pods = await podDevices(config);
  return devices.map((device) => {
    const key = device.device === undefined ? null : formatDevice(device.device);
    const id = deviceId(device.number);
    const pod = pods.find(
      ({ deviceId, resourceName }) => deviceId === id && resourceName === config.resourceName,
    );
    return {
      ...describe(device, config, view.moduleLoaded),
      device: key,
      holders: (key === null ? undefined : holders.get(key)) ?? [],
      pod: device.loopback ? (pod?.pod ?? null) : null,
    };
  });
}

/** What the kubelet gave to pods; nothing where it can't be asked. */
export async function podDevices({ podResourcesSocket }: Config): Promise<PodDevice[]> {
  // a channel to a socket that isn't there tries for seconds
  if (statSync(podResourcesSocket, { throwIfNoEntry: false }) === undefined) return [];
  return listPodDevices(podResourcesSocket).catch(() => []);
}

function describe(sysfs: SysfsDevice, config: Config, moduleLoaded: boolean) {
  const { number, name, loopback, driver } = sysfs;
  const id = deviceId(number);
  const path = join(config.deviceDir, id);
  const node = linuxKernel(linuxCalls()).lookAt(path);
  const stream = lookAtStream(number, config.sysfsDir);
  const stat = statSync(path, { throwIfNoEntry: false });
  const facts = { moduleLoaded, sysfs, node, nodePath: path };
  const seen = loopback ? judge({ id, number, hostPath: path }, facts) : undefined;
  return {
    ...{ id, number, label: name, path },
    driver: loopback ? "v4l2loopback" : (driver ?? null),
    state: seen?.state ?? "ok",
    detail: seen?.detail ?? "",
    streaming: stream?.streaming ?? false,
    format: stream?.format ?? "",
    mode: stat === undefined ? null : (stat.mode & 0o7777).toString(8).padStart(4, "0"),
  };
}

function numbers(sysfsDir: string): number[] {
  let names: string[];
  try {
    names = readdirSync(join(sysfsDir, "class/video4linux"));
  } catch {
    return [];
  }
  return names
    .flatMap((name) => /^video(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
