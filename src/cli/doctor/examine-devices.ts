import type { CameraNode } from "../../drivers/camera/index.ts";
import { bootParametersHint, type RangeDevice } from "../../drivers/loopback/index.ts";
import { deviceId, feedNumber } from "../../v4l2/device-ids.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Checks the devices of the configured range. */
export function examineDevices(facts: Facts): Check {
  const { range } = facts;
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
  const shifted = range.filter(({ observation }) => observation.reason === "wrong_number");
  const missing = range.filter((device) => device.sysfs === undefined && !shifted.includes(device));
  const faults = [
    ...(missing.length === 0 ? [] : [`missing: ${missing.map(({ id }) => id).join(", ")}`]),
    ...[...shifted, ...there].flatMap(faultOf),
  ];
  const count = `${name}: ${there.length} of ${range.length} there`;
  if (faults.length > 0) {
    const remedy = there.length < range.length ? remedyForMissing(facts) : fixedByPlugin;
    return check.warning(`${count}; ${faults.join("; ")}`, remedy);
  }
  return check.ok(`${count}, the first is "${there[0]?.sysfs?.name}"`);
}

const fixedByPlugin = "Nothing: the plugin fixes that when the device is free.";
const unload = "rmmod v4l2loopback, then start the plugin";

/** Checks an empty range. A module without a control device that has other devices creates no more. */
function examineNone(facts: Facts): Check {
  const { range, others, loaded, file } = facts;
  const check = checkNamed("devices", "devices");
  const name = rangeName(range);
  if (loaded === undefined) {
    const remedy = "error" in file ? undefined : "Nothing: the plugin creates them.";
    return check.warning(`${name}: none is there yet`, remedy);
  }
  if (loaded.control !== undefined) {
    const remedy = loaded.controlOpens ? "Nothing: the plugin creates them." : undefined;
    return check.warning(`${name}: none is there yet`, remedy);
  }
  if (facts.builtIn) {
    return check.problem(
      `${name}: none is there, and the module, which is built into the kernel, creates devices only when the kernel starts`,
      remedyForMissing(facts),
    );
  }
  const [shifted] = range.filter(({ observation }) => observation.reason === "wrong_number");
  if (shifted !== undefined) {
    return check.warning(
      `${name}: none is there; ${faultOf(shifted).join("")}`,
      `Nothing: the plugin reloads the module when its devices are free. By hand: ${unload}.`,
    );
  }
  const [first, ...more] = others.filter(({ loopback }) => loopback);
  if (first === undefined) {
    return check.warning(
      `${name}: none is there yet`,
      "Nothing: the plugin reloads the module, with them.",
    );
  }
  const has = [first, ...more].map(({ number }) => deviceId(number)).join(", ");
  return check.problem(
    `${name}: none is there, and the module, which has ${has}, creates no more until it is reloaded`,
    `If its devices are free: ${unload}. Or offer those it has: FIRST_DEVICE_NUMBER=${first.number}`,
  );
}

/** The fault of a device of the range, if it has one. */
export function faultOf({ observation }: RangeDevice): string[] {
  return observation.state === "ok" ? [] : [observation.detail.replace(/\.$/, "")];
}

function remedyForMissing({ loaded, builtIn, range, config }: Facts): string {
  if (builtIn && loaded?.control === undefined) {
    const numbers = range.map(({ number }) => number);
    return bootParametersHint(numbers, config.v4l2ExclusiveCaps);
  }
  return loaded?.control === undefined
    ? `If no device is in use, reload the module: ${unload}.`
    : "Nothing: the plugin creates what is missing. By hand: video-device-plugin devices add --number N";
}

/** `video10 to video17` */
export function rangeName(range: readonly RangeDevice[]): string {
  const [first, last] = [range[0]?.id ?? "", range.at(-1)?.id ?? ""];
  return first === last ? first : `${first} to ${last}`;
}

/** Lists the cameras outside of the range, which the plugin doesn't touch. */
export function examineOthers({ others, config, range, cameras }: Facts): Check {
  const check = checkNamed("other_cameras", "other cameras");
  const isFeed = ({ number }: (typeof others)[number]) =>
    config.readyCameras && range.some((device) => feedNumber(device.number) === number);
  const foreign = others.filter((other) => !isFeed(other));
  if (foreign.length === 0) return check.ok("none");
  const ofCamera = new Set(cameras.flatMap(({ nodes }) => nodes.map(({ number }) => number)));
  const isOther = ({ number }: CameraNode) => foreign.some((other) => other.number === number);
  const real = cameras.flatMap(({ id, nodes }) => {
    const [first, ...more] = nodes.filter(isOther);
    if (first === undefined) return [];
    const ids = [first, ...more].map(({ number }) => deviceId(number)).join(" and ");
    return [`${ids} "${first.name}" (${first.driver}, ${id})`];
  });
  const rest = foreign.filter(({ number }) => !ofCamera.has(number));
  const names = rest.map(
    ({ number, name, loopback, driver }) =>
      `video${number} "${name}"${loopback ? " (v4l2loopback)" : driver === undefined ? "" : ` (${driver})`}`,
  );
  return check.ok(`${[...real, ...names].join(", ")}: not touched`);
}
