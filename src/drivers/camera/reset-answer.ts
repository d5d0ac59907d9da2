import { PluginError } from "../../common/plugin-error.ts";
import type { NodeAnswer } from "./questions.ts";

/** Why the controls of a device are not at their defaults; undefined if they are. @param answer Undefined if no process asked it. */
export function resetTrouble(
  id: string,
  answer: NodeAnswer<"reset"> | undefined,
): PluginError | undefined {
  if (answer === undefined) {
    return new PluginError("reset_failed", `The process that resets ${id} did not begin in time.`);
  }
  const replug = "Unplug the device and plug it in again.";
  if (answer.state === "stuck") {
    const message = `${id} did not answer within 2 s when its controls were to be reset.`;
    return new PluginError("device_hangs", message, { remedy: replug });
  }
  if (answer.state === "refused") {
    const message = `The controls of ${id} can't be reset (${answer.errno}).`;
    return new PluginError("reset_failed", message, { remedy: replug });
  }
  if (answer.unclean.length === 0) return undefined;
  const controls = answer.unclean.map((control) => `0x${control.toString(16).padStart(8, "0")}`);
  const message = `${id} keeps the value of ${controls.join(", ")}, which should be at its default.`;
  return new PluginError("reset_failed", message, {
    remedy: "Look for a process that streams from the device: fuser -v /dev/video*",
  });
}
