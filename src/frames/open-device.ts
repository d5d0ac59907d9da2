import type { ErrorCode } from "../common/error-codes.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import { type Ioctl, openVideoDevice, type VideoFile } from "../v4l2/video-file.ts";
import type { Capabilities } from "../v4l2/video-structs.ts";

/** An open device and its capabilities. */
export interface OpenedDevice {
  readonly file: VideoFile;
  readonly capabilities: Capabilities;
}

/**
 * Opens a device and queries its capabilities; v4l2loopback decides the next calls by what QUERYCAP returned last.
 * @throws PluginError `device_not_found`, `device_busy`, `device_not_permitted`, `not_a_camera` or `device_open_failed`.
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

/** Opens a device. @throws PluginError as {@link openDevice}, but not `not_a_camera`. */
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

/** The meaning of each errno, from v4l2_open in v4l2-dev.c and from v4l2loopback.c. */
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
        why: "its node belongs to no device",
        remedy: `Remove the stale node (rm ${path}), then create the device again.`,
      };
    case "EBUSY":
      return {
        code: "device_busy",
        why: "as many programs hold it open as its max_openers allows",
        remedy: `See which: fuser -v ${path}`,
      };
    case "EACCES":
    case "EPERM":
      return {
        code: "device_not_permitted",
        why: "its mode or the container's device rules don't allow it",
        remedy: `Run as root, or as a member of the node's group: ls -l ${path}; a container must be privileged, or have the device allowed.`,
      };
    default:
      return {
        code: "device_open_failed",
        why: "the reason is unknown",
        remedy: "See the kernel's log on the host: dmesg | tail",
      };
  }
}
