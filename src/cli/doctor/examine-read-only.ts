import { describeDefect, moduleDefect } from "../../drivers/loopback/index.ts";
import { type Check, checkNamed } from "./check.ts";
import type { VideoChecks } from "./examine.ts";
import { examineContainerPaths } from "./examine-container-paths.ts";
import { examineOthers, faultOf, rangeName } from "./examine-devices.ts";
import type { Facts } from "./facts.ts";

const remedy =
  "With privileges, run: video-device-plugin setup (in the restricted profile the init container does so: delete the pod)";

/** The checks for a plugin that only inspects devices: that they exist, not what it could do itself. */
export function examineReadOnly(facts: Facts): VideoChecks {
  const manage = checkNamed("manage_devices", "device management");
  const off = manage.warning(
    "off: MANAGE_DEVICES is false, so the plugin only inspects devices and resets none between pods",
  );
  const range = [examineRange(facts), examineContainerPaths(facts)];
  return {
    module: [off, examineModule(facts)],
    range: range.filter((check) => check !== undefined),
    rest: [examineOthers(facts)],
  };
}

function examineModule({ loaded, kernelRelease }: Facts): Check {
  const check = checkNamed("module", "module");
  if (loaded === undefined)
    return check.problem("not loaded, and the plugin must not load it", remedy);
  const defect = moduleDefect(loaded.version, kernelRelease);
  if (defect !== undefined) {
    return check.warning(
      `loaded: ${describeDefect(loaded.version, defect, kernelRelease)}`,
      defect.remedy,
    );
  }
  return check.ok(`loaded, ${loaded.version ?? "no version, so 0.12"}`);
}

function examineRange({ range }: Facts): Check {
  const check = checkNamed("devices", "devices");
  const name = rangeName(range);
  const ours = range.filter(({ sysfs }) => sysfs?.loopback === true);
  const missing = range.filter((device) => !ours.includes(device)).map(({ id }) => id);
  const faults = [
    ...(missing.length === 0 ? [] : [`not there: ${missing.join(", ")}`]),
    ...ours.flatMap(faultOf),
  ];
  if (ours.length === 0) return check.problem(`${name}: none is there`, remedy);
  const count = `${name}: ${ours.length} of ${range.length} there`;
  return faults.length === 0
    ? check.ok(count)
    : check.warning(`${count}; ${faults.join("; ")}`, remedy);
}
