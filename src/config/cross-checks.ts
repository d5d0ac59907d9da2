import { posix } from "node:path";
import { maxDeviceNumber } from "../v4l2/device-ids.ts";
import type { Config } from "./config.ts";
import { options } from "./options.ts";
import { pathShape } from "./path-shape.ts";

/** A rule about several options together. */
export interface CrossCheck {
  /** The options that the rule reads. It is skipped if one of them has a problem already. */
  readonly keys: readonly (keyof Config)[];
  /** The option to which the problem is attributed. */
  readonly subject: keyof Config;
  /** Returns what was expected, if the rule is broken. */
  check(config: Config, setting: SettingName): string | undefined;
}

/** How an option is called where the user sets it: with its value, if there is one. */
export type SettingName = (key: keyof Config, value?: string | number | boolean) => string;

/** Names of flags: `--max-devices`, `--max-devices=8`, `--ready-cameras`, `--no-manage-devices`. */
export const flagName: SettingName = (key, value) => {
  const { flag } = options[key];
  if (value === undefined || value === true) return `--${flag}`;
  return value === false ? `--no-${flag}` : `--${flag}=${value}`;
};

/** A feed's number is 128 above or below its camera's, so the numbers of more devices would meet. */
const maxReadyCameras = 128;

export const crossChecks: readonly CrossCheck[] = [
  {
    keys: ["firstDeviceNumber", "maxDevices"],
    subject: "firstDeviceNumber",
    check: ({ firstDeviceNumber, maxDevices }, setting) =>
      firstDeviceNumber + maxDevices - 1 <= maxDeviceNumber
        ? undefined
        : `a whole number from 0 to ${maxDeviceNumber - maxDevices + 1}, so that the last of ${setting("maxDevices", maxDevices)} devices is at most ${maxDeviceNumber}`,
  },
  {
    keys: ["preStartContainer", "manageDevices"],
    subject: "preStartContainer",
    check: ({ preStartContainer, manageDevices }, setting) =>
      preStartContainer && !manageDevices
        ? `false with ${setting("manageDevices", false)}, which resets no device`
        : undefined,
  },
  {
    keys: ["removeDevicesOnExit", "manageDevices"],
    subject: "removeDevicesOnExit",
    check: ({ removeDevicesOnExit, manageDevices }, setting) =>
      removeDevicesOnExit && !manageDevices
        ? `false with ${setting("manageDevices", false)}, which creates no device that it could remove`
        : undefined,
  },
  {
    keys: ["readyCameras", "manageDevices"],
    subject: "readyCameras",
    check: ({ readyCameras, manageDevices }, setting) =>
      readyCameras && !manageDevices
        ? `false with ${setting("manageDevices", false)}: the process that offers ready cameras has to create and write them`
        : undefined,
  },
  {
    keys: ["readyCameras", "v4l2ExclusiveCaps"],
    subject: "readyCameras",
    check: ({ readyCameras, v4l2ExclusiveCaps }, setting) =>
      readyCameras && !v4l2ExclusiveCaps
        ? `false with ${setting("v4l2ExclusiveCaps", false)}, with which Chromium lists no camera`
        : undefined,
  },
  {
    keys: ["readyCameras", "maxDevices"],
    subject: "maxDevices",
    check: ({ readyCameras, maxDevices }, setting) =>
      readyCameras && maxDevices > maxReadyCameras
        ? `a whole number from 1 to ${maxReadyCameras} with ${setting("readyCameras", true)}, which need two device numbers each`
        : undefined,
  },
  {
    keys: ["readyCameras", "readySize", "v4l2MaxWidth", "v4l2MaxHeight"],
    subject: "readySize",
    check: (
      { readyCameras, readySize: { width, height }, v4l2MaxWidth, v4l2MaxHeight },
      setting,
    ) =>
      readyCameras && (width > v4l2MaxWidth || height > v4l2MaxHeight)
        ? `at most ${v4l2MaxWidth}x${v4l2MaxHeight}, which ${setting("v4l2MaxWidth")} and ${setting("v4l2MaxHeight")} allow`
        : undefined,
  },
  {
    keys: ["readyCameras", "containerFeedPath", "containerDevicePath"],
    subject: "containerFeedPath",
    check: ({ readyCameras, containerFeedPath, containerDevicePath }, setting) =>
      readyCameras && pathShape(containerFeedPath) === pathShape(containerDevicePath)
        ? `another path than that of ${setting("containerDevicePath")}, where the container has the camera`
        : undefined,
  },
  {
    keys: ["readyCameras", "containerDeviceEnv"],
    subject: "containerDeviceEnv",
    check: ({ readyCameras, containerDeviceEnv }, setting) =>
      readyCameras && !/._DEVICE$/.test(containerDeviceEnv)
        ? `a name such as VIDEO_DEVICE with ${setting("readyCameras", true)}: it has to end in _DEVICE, and the variables of camera and feed end in _CAMERA and _FEED instead`
        : undefined,
  },
  {
    keys: ["socketPath", "kubeletSocket"],
    subject: "socketPath",
    check: ({ socketPath, kubeletSocket }, setting) => {
      const directory = posix.dirname(kubeletSocket);
      if (socketPath === kubeletSocket)
        return `another path than that of ${setting("kubeletSocket")}`;
      return posix.dirname(socketPath) === directory
        ? undefined
        : `a path in ${directory}, the directory of ${setting("kubeletSocket")}, where the kubelet looks for it`;
    },
  },
];
