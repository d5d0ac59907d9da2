import { getuid } from "node:process";
import { thisProgram } from "../../common/this-program.ts";
import type { Config } from "../../config/config.ts";
import {
  askNodes,
  type CameraNode,
  cameraMemoryFile,
  listCameras,
  type RememberedCamera,
} from "../../drivers/camera/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import type { Holders } from "../../v4l2/holders.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import type { VideoNode } from "../../v4l2/video-node.ts";

/**
 * Lists the devices with hardware behind them. Root asks those that are free, in a child process. Any other user does not
 * see which are, so that kinds are guesses.
 */
export function findCameras(
  config: Pick<Config, "deviceDir" | "sysfsDir" | "stateDir">,
  holders: Holders,
): Promise<PhysicalDevice<CameraNode>[]> {
  const remembered = rememberedCameras(config.stateDir);
  if (getuid?.() !== 0) return listCameras(config, undefined, remembered);
  const asking = {
    isOpen: ({ device }: VideoNode) =>
      device !== undefined && (holders.get(formatDevice(device)) ?? []).length > 0,
    query: (paths: readonly string[]) => askNodes("capabilities", paths, thisProgram()),
  };
  return listCameras(config, asking, remembered);
}

/** The names that the plugin has for devices of this node; none if it has not run here, or they can't be read. */
export function rememberedCameras(stateDir: string): readonly RememberedCamera[] {
  try {
    return cameraMemoryFile(stateDir).read() ?? [];
  } catch {
    return [];
  }
}
