import type { Device } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { exitCode } from "../exit-code.ts";
import { printable } from "../tools/table.ts";
import { findTarget, numberOf } from "../tools/target.ts";
import { explainFailure } from "./explain-failure.ts";
import { type Operation, tell } from "./operation.ts";
import { UNREACHABLE } from "./unreachable.ts";

/**
 * Has the plugin change each device that was named, one after the other, with a line for each. One that fails doesn't
 * keep the next from being tried; a plugin that no longer answers does.
 *
 * @param done what has become of the device, to follow its name: `is as new`.
 * @returns the exit code: 1 if any failed, 2 if the plugin doesn't answer.
 * @throws PluginError `device_not_found` before anything is done, if a name can't be one of a device.
 */
export async function changeDevices(
  { positionals, config, terminal }: Operation,
  change: (deviceId: string) => Promise<{ readonly device?: Device | undefined }>,
  done: string,
): Promise<number> {
  const ids = new Set(positionals.map((name) => deviceId(numberOf(findTarget(name, config)))));
  let code: number = exitCode.ok;
  for (const id of ids) {
    try {
      const { device } = await change(id);
      terminal.out(`${id} ${done}${remark(device)}.\n`);
    } catch (reason) {
      const error = explainFailure(reason, config.adminSocket);
      code = tell(error, id, terminal);
      if (error.code === UNREACHABLE) return code;
    }
  }
  return code;
}

/** What else is to be known of a device that was changed: why it isn't offered all the same. */
function remark(device: Device | undefined): string {
  if (device === undefined || device.healthy || device.cordon !== undefined) return "";
  const detail = device.detail === "" ? "" : ` (${printable(device.detail)})`;
  return `, but it is unhealthy: ${printable(device.reason)}${detail}`;
}
