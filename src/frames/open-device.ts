import type { ErrorCode } from "../common/error-codes.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import { type Ioctl, openVideoDevice, type VideoFile } from "../v4l2/video-file.ts";
import type { Capabilities } from "../v4l2/video-structs.ts";

/** An open device and what it said it can do. */
export interface OpenedDevice {
  readonly file: VideoFile;
  readonly capabilities: Capabilities;
}

/**
 * Opens a device and asks what it can do (the kernel judges the next calls by what QUERYCAP said last).
 * @throws PluginError that says why not: `device_not_found`, `device_busy`, `device_not_permitted`,
 * `not_a_camera` or `device_open_failed`.
 */
export function openDevice(path: string, calls: Ioctl): OpenedDevice {
  const file = openWithoutQuery(path, calls);
  try {
    return { file, capabilities: file.queryCapabilities() };
  } catch (cause) {
    file.close();
    if (errnoNameOf(cause) === undefined) throw cause;
    throw new PluginError("not_a_camera", `${path} is not a video device.`, {
      cause,
      remedy: "See which devices there are: video-device-plugin devices",
    });
  }
}

/** Opens a device and asks nothing. @throws as {@link openDevice}. */
export function openWithoutQuery(path: string, calls: Ioctl): VideoFile {
  try {
    return openVideoDevice(path, calls);
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === undefined) throw cause;
    const { code, why, remedy } = explain(path, errno);
    throw new PluginError(code, `${path} can't be opened (${errno}): ${why}.`, { cause, remedy });
  }
}

/** What each errno means: v4l2-dev.c, v4l2_open, and v4l2loopback.c. */
function explain(path: string, errno: string): { code: ErrorCode; why: string; remedy: string } {
  switch (errno) {
    case "ENOENT":
    case "ENOTDIR":
      return {
        code: "device_not_found",
        why: "there is no such file",
        remedy: "See which devices there are: video-device-plugin devices",
      };
    case "ENXIO":
    case "ENODEV":
      return {
        code: "device_not_found",
        why: "the node has no device behind it",
        remedy: `Remove the stale node (rm ${path}), then create the device anew.`,
      };
    case "EBUSY":
      return {
        code: "device_busy",
        why: "as many programs have it open as its max_openers allows",
        remedy: `See who: fuser -v ${path}`,
      };
    case "EACCES":
    case "EPERM":
      return {
        code: "device_not_permitted",
        why: "its mode or the container's device rules forbid it",
        remedy: `Run as root, or as a member of the node's group: ls -l ${path}; a container has to be privileged, or to be given the device.`,
      };
    default:
      return {
        code: "device_open_failed",
        why: "for no reason known here",
        remedy: "See the kernel's log on the host: dmesg | tail",
      };
  }
}
