import { judge } from "../../../v4l2/loopback/observe.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts, RangeDevice } from "./facts.ts";

/** The devices of the configured range. */
export function examineDevices({ range, loaded, file, config }: Facts): Check {
  const check = checkNamed("devices", "devices");
  const name = rangeName(range);
  const foreign = range.filter(({ sysfs }) => sysfs !== undefined && !sysfs.loopback);
  if (foreign.length > 0) {
    const owners = foreign.map(
      ({ id, sysfs }) => `${id} is "${sysfs?.name}" of ${sysfs?.driver ?? "another driver"}`,
    );
    return check.problem(
      `${name} conflict with other cameras: ${owners.join(", ")}`,
      "Choose numbers that are free, for instance: FIRST_DEVICE_NUMBER=40",
    );
  }
  const there = range.filter(({ sysfs }) => sysfs !== undefined);
  if (there.length === 0) {
    const remedy =
      loaded === undefined && "error" in file ? undefined : "Nothing: the plugin makes them.";
    return check.warning(`${name}: none is there yet`, remedy);
  }
  const missing = range.filter(({ sysfs }) => sysfs === undefined).map(({ id }) => id);
  const complaints = [
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(", ")}`]),
    ...there.flatMap((device) => complaint(device, config.deviceDir)),
  ];
  const count = `${name}: ${there.length} of ${range.length} there`;
  if (complaints.length > 0) {
    return check.warning(`${count}; ${complaints.join("; ")}`, remedyFor(loaded));
  }
  return check.ok(`${count}, the first is "${there[0]?.sysfs?.name}"`);
}

/** What is wrong with a device of the range that is there. */
export function complaint(device: RangeDevice, deviceDir: string): string[] {
  const { id, sysfs, node } = device;
  const nodePath = `${deviceDir}/${id}`;
  const number = Number(id.slice("video".length));
  const facts = { moduleLoaded: true, sysfs, node, nodePath };
  const { state, detail } = judge({ id, number, hostPath: nodePath }, facts);
  return state === "ok" ? [] : [detail.replace(/\.$/, "")];
}

function remedyFor(loaded: Facts["loaded"]): string {
  return loaded?.control === undefined
    ? "If no pod uses a device, have the module loaded anew: rmmod v4l2loopback, then start the plugin."
    : "Nothing: the plugin makes what is missing. By hand: video-device-plugin devices add --number N";
}

/** `video10 to video17` */
export function rangeName(range: readonly RangeDevice[]): string {
  const [first, last] = [range[0]?.id ?? "", range.at(-1)?.id ?? ""];
  return first === last ? first : `${first} to ${last}`;
}

/** Cameras outside of the range, which the plugin leaves alone. */
export function examineOthers({ others }: Facts): Check {
  const check = checkNamed("other_cameras", "other cameras");
  if (others.length === 0) return check.ok("none");
  const names = others.map(
    ({ number, name, loopback, driver }) =>
      `video${number} "${name}"${loopback ? " (v4l2loopback)" : driver === undefined ? "" : ` (${driver})`}`,
  );
  return check.ok(`${names.join(", ")}: left alone`);
}
