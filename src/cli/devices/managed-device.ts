import { PluginError } from "../../common/plugin-error.ts";
import { isListening } from "../../common/unix-socket.ts";
import type { Config } from "../../config/config.ts";
import type { Device } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { type AdminClient, createAdminClient } from "../operate/admin-client.ts";
import { explainFailure } from "../operate/explain-failure.ts";

/** A device of the running plugin, and the client with which the plugin changes it. */
export interface ManagedDevice {
  readonly device: Device;
  readonly client: Pick<AdminClient, "resetDevice" | "repairDevice">;
}

/**
 * The device as the running plugin knows it; undefined if no plugin runs on this node, or the device isn't the plugin's.
 *
 * @throws PluginError `plugin_unreachable` and the like if a process listens on `ADMIN_SOCKET` and doesn't answer.
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
 * Has the plugin change the device, as it knows the device's use.
 *
 * @returns what came of it; `impossible` if the plugin only inspects devices.
 * @throws PluginError of the plugin.
 */
export async function changeByPlugin(
  change: "reset" | "repair",
  { device, client }: ManagedDevice,
  force: boolean,
  { adminSocket }: Pick<Config, "adminSocket">,
): Promise<"changed" | "unchanged" | "impossible"> {
  const request = { deviceId: device.id, force };
  try {
    if (change === "repair") {
      const { unchanged } = await client.repairDevice(request);
      return unchanged ? "unchanged" : "changed";
    }
    await client.resetDevice(request);
    return "changed";
  } catch (reason) {
    const error = explainFailure(reason, adminSocket);
    if (error.code === "not_supported") return "impossible";
    throw error;
  }
}

/** Rejects a removal. @throws PluginError `device_managed`: the plugin recreates a device that is missing. */
export function refuseManaged({ device: { id } }: ManagedDevice): never {
  throw new PluginError(
    "device_managed",
    `${id} belongs to the running plugin, which would recreate it at once.`,
    {
      remedy: `To take it out of the offer: video-device-plugin cordon ${id}. To have fewer devices, set MAX_DEVICES. To remove it all the same, use --force.`,
    },
  );
}
