import { PluginError } from "../../../common/plugin-error.ts";
import { isListening } from "../../../common/unix-socket.ts";
import type { Config } from "../../../config/config.ts";
import type { Device } from "../../../gen/videodevice/admin/v1/admin_pb.ts";
import { type AdminClient, createAdminClient } from "../../operate/admin-client.ts";
import { explainFailure } from "../../operate/explain-failure.ts";

/** A device of the plugin that runs on this node, and the way to have the plugin do something to it. */
export interface ManagedDevice {
  readonly device: Device;
  readonly client: Pick<AdminClient, "resetDevice" | "repairDevice">;
}

/**
 * The device as the running plugin has it; undefined if no plugin runs here, or the device is none of its.
 * @throws PluginError `plugin_unreachable` and the like if somebody listens on `ADMIN_SOCKET` and doesn't tell.
 */
export async function findManaged(
  id: string,
  { adminSocket }: Pick<Config, "adminSocket">,
): Promise<ManagedDevice | undefined> {
  if (!(await isListening(adminSocket))) return undefined;
  const client = createAdminClient(adminSocket);
  try {
    const { status } = await client.getStatus({});
    if (status?.driver !== "v4l2loopback") return undefined;
    const device = status.devices.find((one) => one.id === id);
    return device && { device, client };
  } catch (reason) {
    throw explainFailure(reason, adminSocket);
  }
}

/**
 * Has the plugin do it, which keeps its own books of who has what.
 * @returns false if it is one that can't, as it only looks at devices.
 * @throws PluginError of the plugin.
 */
export async function hasPluginDo(
  change: "reset" | "repair",
  { device, client }: ManagedDevice,
  force: boolean,
  { adminSocket }: Pick<Config, "adminSocket">,
): Promise<boolean> {
  const request = { deviceId: device.id, force };
  try {
    if (change === "reset") await client.resetDevice(request);
    else await client.repairDevice(request);
    return true;
  } catch (reason) {
    const error = explainFailure(reason, adminSocket);
    if (error.code === "not_supported") return false;
    throw error;
  }
}

/** @throws PluginError `device_managed`: what a plugin misses it makes anew. */
export function refuseManaged({ device: { id } }: ManagedDevice): never {
  throw new PluginError(
    "device_managed",
    `${id} belongs to the plugin that runs here, which would make it anew at once.`,
    {
      remedy: `To take it out of the offer: video-device-plugin cordon ${id}. To have fewer devices, set MAX_DEVICES. With --force it is removed all the same.`,
    },
  );
}
