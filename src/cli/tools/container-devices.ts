import { PluginError } from "../../common/plugin-error.ts";
import { systemSources } from "../../config/system-sources.ts";
import { nullDevice } from "../../drivers/simulated/index.ts";
import type { Target } from "./target.ts";

/** True if the node does nothing, as those of the simulated driver. */
export function isSimulated({ device }: Pick<Target, "device">): boolean {
  return device?.major === nullDevice.major && device.minor === nullDevice.minor;
}

/**
 * The paths of the devices that the kubelet gave this container, from the variables that Allocate sets.
 *
 * @param variable See the option `container-device-env`.
 * @throws PluginError `device_not_found` if they name no device, or not the same one.
 */
export function containerDevices(variable: string, env = systemSources([]).env): string[] {
  const [first = "", all = ""] = [env[variable], env[`${variable}S`]];
  const paths = all.split(",").filter((path) => path !== "");
  if (first !== "" && paths[0] === first) return paths;
  throw new PluginError(
    "device_not_found",
    first === "" && all === ""
      ? `No device is named, and ${variable} and ${variable}S are not set, so this container has none.`
      : `${variable} is ${JSON.stringify(first)}, and ${variable}S is ${JSON.stringify(all)}: the second must begin with the first.`,
    {
      remedy:
        "Name a device, or give the container a limit of a device; CONTAINER_DEVICE_ENV must be the plugin's.",
    },
  );
}
