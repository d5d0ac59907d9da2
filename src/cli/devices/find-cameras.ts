import { getuid } from "node:process";
import { thisProgram } from "../../common/this-program.ts";
import type { Config } from "../../config/config.ts";
import { type CameraNode, listCameras, queryNodes } from "../../drivers/camera/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import type { Holders } from "../../v4l2/holders.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";

/**
 * Lists the devices with hardware behind them. Root asks those that are free, in a child process. Any other user does not
 * see which are, so that kinds are guesses.
 */
export function findCameras(
  config: Pick<Config, "deviceDir" | "sysfsDir">,
  holders: Holders,
): Promise<PhysicalDevice<CameraNode>[]> {
  if (getuid?.() !== 0) return listCameras(config);
  return listCameras(config, {
    isOpen: ({ device }) =>
      device !== undefined && (holders.get(formatDevice(device)) ?? []).length > 0,
    query: (paths) => queryNodes(paths, [...thisProgram(), "query-nodes"]),
  });
}
