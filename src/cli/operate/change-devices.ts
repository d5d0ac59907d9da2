import { deviceIdOrNone } from "../../config/types/camera.ts";
import type { Device } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import type { OwnFlags } from "../arguments.ts";
import { exitCode } from "../command.ts";
import { printable } from "../tools/table.ts";
import { findTarget, numberOf } from "../tools/target.ts";
import { explainFailure } from "./explain-failure.ts";
import { type Operation, reportFailure } from "./operate-command.ts";
import { unreachable } from "./unreachable.ts";

/** The plugin's answer to a change. */
interface Changed {
  /** The device afterwards. */
  readonly device?: Device | undefined;
  readonly unchanged?: boolean;
}

/** For the help of a command whose positional arguments are devices. */
export const deviceForms = "DEVICE is 10, video10 or a path, or the ID of a real device.";

/**
 * Has the plugin change the named devices one after the other, and writes a line for each. A failure doesn't stop
 * it, unless the plugin no longer answers.
 *
 * @param done What has happened to the device, to follow its name: `was reset`.
 * @param unchanged The same if nothing has: `had nothing to repair`.
 * @returns the exit code: 1 if any change failed, 2 if the plugin doesn't answer.
 * @throws PluginError `device_not_found` before any change, if a name can't be a device's.
 */
export async function changeDevices<F extends OwnFlags>(
  { positionals, config, terminal }: Operation<F>,
  change: (deviceId: string) => Promise<Changed>,
  done: string,
  unchanged = done,
): Promise<number> {
  const idOf = (name: string) =>
    isRealId(name) ? name : deviceId(numberOf(findTarget(name, config)));
  const ids = new Set(positionals.map(idOf));
  let code: number = exitCode.ok;
  for (const id of ids) {
    try {
      const changed = await change(id);
      const what = changed.unchanged === true ? unchanged : done;
      terminal.out(`${id} ${what}${remark(changed.device)}.\n`);
    } catch (reason) {
      const error = explainFailure(reason, config.adminSocket);
      code = reportFailure(error, id, terminal);
      if (error.code === unreachable) return code;
    }
  }
  return code;
}

/** True for the ID of a real device: the plugin knows which there are. */
function isRealId(name: string): boolean {
  const isNumber = /^(video)?\d*$/.test(name);
  return !isNumber && deviceIdOrNone().parse(name, { lookupGroup: () => undefined }).ok;
}

/** Why the plugin doesn't offer the changed device all the same; empty if it does. */
function remark(device: Device | undefined): string {
  if (device === undefined || device.healthy || device.cordon !== undefined) return "";
  const detail = device.detail === "" ? "" : ` (${printable(device.detail)})`;
  return `, but it is unhealthy: ${printable(device.reason)}${detail}`;
}
