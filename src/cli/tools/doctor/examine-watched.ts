import { type Check, checkNamed } from "./check.ts";
import { complaint, examineOthers, rangeName } from "./examine-devices.ts";
import type { Facts } from "./facts.ts";

const REMEDY =
  "Have somebody with privileges run: video-device-plugin setup (in the restricted profile that is the init container: delete the pod)";

/** What matters to a plugin that only looks at devices: that they are there. What it could do itself doesn't. */
export function examineWatched(facts: Facts): Check[] {
  const manage = checkNamed("manage_devices", "devices' care");
  return [
    manage.warning(
      "none: MANAGE_DEVICES is false, so devices are only looked at, and none is cleaned between pods",
    ),
    examineModule(facts),
    examineRange(facts),
    examineOthers(facts),
  ];
}

function examineModule({ loaded }: Facts): Check {
  const check = checkNamed("module", "module");
  if (loaded === undefined)
    return check.problem("not loaded, and not to be loaded from here", REMEDY);
  return check.ok(`loaded, ${loaded.version ?? "tells no version, so 0.12"}`);
}

function examineRange({ range }: Facts): Check {
  const check = checkNamed("devices", "devices");
  const name = rangeName(range);
  const ours = range.filter(({ sysfs }) => sysfs?.loopback === true);
  const missing = range.filter((device) => !ours.includes(device)).map(({ id }) => id);
  const complaints = [
    ...(missing.length === 0 ? [] : [`not there: ${missing.join(", ")}`]),
    ...ours.flatMap(complaint),
  ];
  if (ours.length === 0) return check.problem(`${name}: none is there`, REMEDY);
  const count = `${name}: ${ours.length} of ${range.length} there`;
  return complaints.length === 0
    ? check.ok(count)
    : check.warning(`${count}; ${complaints.join("; ")}`, REMEDY);
}
