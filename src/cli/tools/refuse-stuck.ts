import { PluginError } from "../../common/plugin-error.ts";
import { thisProgram } from "../../common/this-program.ts";
import { askNodes } from "../../drivers/camera/index.ts";
import { classify } from "../../v4l2/device-kind.ts";
import { readVideoNode } from "../../v4l2/video-node.ts";
import { holdersOf } from "./holders.ts";
import type { Target } from "./target.ts";

/**
 * Returns if this process may open the device for its pictures. A device with hardware behind it is asked first, by a process
 * that may hang with it, unless a program has it open.
 *
 * @throws PluginError `device_hangs` if it does not answer, `not_a_camera` if it carries no pictures.
 */
export async function refuseStuck(target: Target, sysfsDir: string): Promise<void> {
  const { number, path } = target;
  if (number === undefined || readVideoNode(sysfsDir, number)?.parent === undefined) return;
  if (holdersOf(target).length > 0) return;
  const answer = (await askNodes("capabilities", [path], thisProgram())).get(path);
  if (answer?.state === "stuck") {
    throw new PluginError("device_hangs", `${path} is stuck: it did not answer within 2 s.`, {
      remedy: "Unplug the device and plug it in again.",
    });
  }
  if (answer?.state !== "answered") return; // to open it shows why
  const kind = classify(answer.capabilities.deviceCaps);
  if (kind === "camera") return;
  throw new PluginError("not_a_camera", `${path} carries no pictures: it is of kind ${kind}.`, {
    remedy: "See which node is a camera: video-device-plugin devices --json",
  });
}
