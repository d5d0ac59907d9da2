import { hiddenDevices, isRemapped } from "../../devices/container-path.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Checks whether the programs in containers find their devices where `CONTAINER_DEVICE_PATH` puts them. */
export function examineContainerPaths({ config, range }: Facts): Check | undefined {
  const { containerDevicePath: template } = config;
  const check = checkNamed("container_paths", "container paths");
  const hidden = hiddenDevices(template, range);
  if (hidden !== undefined) return check.warning(hidden.detail, hidden.remedy);
  if (!range.some((device) => isRemapped(template, device))) return undefined;
  return check.warning(
    `${template}: in a pod with hostUsers: false, and in a privileged pod with an old containerd (early 1.5 or before), such a path is the host's own node of that name, another camera for instance`,
    "Nothing, if no such pod requests devices. Else leave CONTAINER_DEVICE_PATH at /dev/{id}.",
  );
}
