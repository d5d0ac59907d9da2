import { posix } from "node:path";
import { maxDeviceNumber } from "../v4l2/device-ids.ts";
import type { Config } from "./config.ts";

/** A rule about several options together. */
export interface CrossCheck {
  /** The options that the rule reads. It is skipped if one of them has a problem already. */
  readonly keys: readonly (keyof Config)[];
  /** The option to which the problem is attributed. */
  readonly subject: keyof Config;
  /** Returns what was expected, if the rule is broken. */
  check(config: Config): string | undefined;
}

export const crossChecks: readonly CrossCheck[] = [
  {
    keys: ["firstDeviceNumber", "maxDevices"],
    subject: "firstDeviceNumber",
    check: ({ firstDeviceNumber, maxDevices }) =>
      firstDeviceNumber + maxDevices - 1 <= maxDeviceNumber
        ? undefined
        : `a whole number from 0 to ${maxDeviceNumber - maxDevices + 1}, so that the last of --max-devices=${maxDevices} devices is at most ${maxDeviceNumber}`,
  },
  {
    keys: ["preStartContainer", "manageDevices"],
    subject: "preStartContainer",
    check: ({ preStartContainer, manageDevices }) =>
      preStartContainer && !manageDevices
        ? "false with --no-manage-devices, which resets no device"
        : undefined,
  },
  {
    keys: ["removeDevicesOnExit", "manageDevices"],
    subject: "removeDevicesOnExit",
    check: ({ removeDevicesOnExit, manageDevices }) =>
      removeDevicesOnExit && !manageDevices
        ? "false with --no-manage-devices, which creates no device that it could remove"
        : undefined,
  },
  {
    keys: ["socketPath", "kubeletSocket"],
    subject: "socketPath",
    check: ({ socketPath, kubeletSocket }) => {
      const directory = posix.dirname(kubeletSocket);
      if (socketPath === kubeletSocket) return "another path than that of --kubelet-socket";
      return posix.dirname(socketPath) === directory
        ? undefined
        : `a path in ${directory}, the directory of --kubelet-socket, where the kubelet looks for it`;
    },
  },
];
