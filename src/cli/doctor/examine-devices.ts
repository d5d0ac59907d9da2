import { deviceId } from "../../v4l2/device-ids.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts, RangeDevice } from "./facts.ts";

/** The devices of the configured range. */
export function examineDevices(facts: Facts): Check {
  const { range, loaded } = facts;
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
  if (there.length === 0) return examineNone(facts);
  const shifted = range.filter(({ seen }) => seen.reason === "wrong_number");
  const missing = range.filter((device) => device.sysfs === undefined && !shifted.includes(device));
  const complaints = [
    ...(missing.length === 0 ? [] : [`missing: ${missing.map(({ id }) => id).join(", ")}`]),
    ...[...shifted, ...there].flatMap(complaint),
  ];
  const count = `${name}: ${there.length} of ${range.length} there`;
  if (complaints.length > 0) {
    const remedy = there.length < range.length ? remedyForMissing(loaded) : MENDED;
    return check.warning(`${count}; ${complaints.join("; ")}`, remedy);
  }
  return check.ok(`${count}, the first is "${there[0]?.sysfs?.name}"`);
}

const MENDED = "Nothing: the plugin puts that right when nobody uses the device.";
const UNLOAD = "rmmod v4l2loopback, then start the plugin";

/** Not one of the range. Without a control device the module can have others, and then makes no more. */
function examineNone({ range, others, loaded, file }: Facts): Check {
  const check = checkNamed("devices", "devices");
  const name = rangeName(range);
  if (loaded === undefined) {
    const remedy = "error" in file ? undefined : "Nothing: the plugin makes them.";
    return check.warning(`${name}: none is there yet`, remedy);
  }
  if (loaded.control !== undefined) {
    const remedy = loaded.controlOpens ? "Nothing: the plugin makes them." : undefined;
    return check.warning(`${name}: none is there yet`, remedy);
  }
  const [shifted] = range.filter(({ seen }) => seen.reason === "wrong_number");
  if (shifted !== undefined) {
    return check.warning(
      `${name}: none is there; ${complaint(shifted).join("")}`,
      `Nothing: the plugin has the module loaded anew when nobody uses its devices. By hand: ${UNLOAD}.`,
    );
  }
  const [first, ...more] = others.filter(({ loopback }) => loopback);
  if (first === undefined) {
    return check.warning(
      `${name}: none is there yet`,
      "Nothing: the plugin has the module loaded anew, with them.",
    );
  }
  const has = [first, ...more].map(({ number }) => deviceId(number)).join(", ");
  return check.problem(
    `${name}: none is there, and the module, which has ${has}, makes no more before it is loaded anew`,
    `If nobody uses its devices: ${UNLOAD}. Or offer those it has: FIRST_DEVICE_NUMBER=${first.number}`,
  );
}

/** What is wrong with a device of the range. */
export function complaint({ seen }: RangeDevice): string[] {
  return seen.state === "ok" ? [] : [seen.detail.replace(/\.$/, "")];
}

function remedyForMissing(loaded: Facts["loaded"]): string {
  return loaded?.control === undefined
    ? `If no pod uses a device, have the module loaded anew: ${UNLOAD}.`
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
