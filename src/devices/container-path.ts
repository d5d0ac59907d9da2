import type { DriverDevice } from "../drivers/driver.ts";

type NumberedDevice = Pick<DriverDevice, "id" | "number">;

/**
 * The device's path in the container, from the template of the option `container-device-path`, or of a pool of real devices
 * (`{node}`).
 *
 * @param index The device's place among the container's devices, from 0.
 */
export function containerPath(template: string, device: NumberedDevice, index: number): string {
  return template
    .replaceAll("{id}", device.id)
    .replaceAll("{node}", `video${device.number}`)
    .replaceAll("{n}", String(device.number))
    .replaceAll("{index}", String(index));
}

/**
 * The variables that name the first camera and the first feed of a container's ready cameras, from that of its devices:
 * `VIDEO_CAMERA` and `VIDEO_FEED` beside `VIDEO_DEVICE`. The same names with an S have the paths of all.
 */
export function readyVariables(variable: string): {
  readonly camera: string;
  readonly feed: string;
} {
  const stem = variable.replace(/_DEVICE$/, "");
  return { camera: `${stem}_CAMERA`, feed: `${stem}_FEED` };
}

/** True if containers have the device at another path than the host. */
export function isRemapped(template: string, device: NumberedDevice): boolean {
  return containerPath(template, device, 0) !== `/dev/${device.id}`;
}

/**
 * libwebrtc opens /dev/video0 to /dev/video63 to find cameras, and no more (modules/video_capture/linux,
 * device_info_v4l2.cc; linux-surface/linux-surface#2242). Chromium itself lists /dev, and so finds every number.
 */
const maxWebrtcNumber = 63;

/** Devices that many programs don't find, and what to do. */
export interface HiddenDevices {
  readonly ids: readonly string[];
  /** A sentence without its full stop. */
  readonly detail: string;
  readonly remedy: string;
}

/** The devices whose path in a container has a number that libwebrtc doesn't look at; undefined if there is none. */
export function hiddenDevices(
  template: string,
  devices: readonly NumberedDevice[],
): HiddenDevices | undefined {
  const hidden = devices.filter((device) => {
    const [, number] = /^\/dev\/video(\d+)$/.exec(containerPath(template, device, 0)) ?? [];
    return Number(number) > maxWebrtcNumber;
  });
  const [first] = hidden;
  if (first === undefined) return undefined;
  return {
    ids: hidden.map(({ id }) => id),
    detail: `Firefox, Electron and Zoom look for cameras from /dev/video0 to /dev/video${maxWebrtcNumber} only, and a container has ${first.id} at ${containerPath(template, first, 0)}`,
    remedy: `Set CONTAINER_DEVICE_PATH=/dev/video{index}, which gives each container /dev/video0 and so on, or a FIRST_DEVICE_NUMBER with which all numbers are at most ${maxWebrtcNumber}.`,
  };
}
