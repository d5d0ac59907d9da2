import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";

/**
 * Why a video device can't be opened; what each errno means is v4l2-dev.c's `v4l2_open` and v4l2loopback's
 * own. Anything that isn't a system call's failure is returned as it is.
 */
export function explainOpenError(path: string, cause: unknown): unknown {
  const errno = errnoNameOf(cause);
  if (errno === undefined) return cause;
  const { code, why, remedy } = explain(path, errno);
  return new PluginError(code, `${path} can't be opened (${errno}): ${why}.`, { cause, remedy });
}

function explain(path: string, errno: string): { code: string; why: string; remedy: string } {
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
