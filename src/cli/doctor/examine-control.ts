import {
  cardLabelOf,
  deviceRulesError,
  type LoadedFacts,
  labelProblem,
  maxParameterDevices,
} from "../../drivers/loopback/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { type Check, checkNamed, runAsRoot } from "./check.ts";
import type { Facts } from "./facts.ts";

/**
 * True if the module, as it is loaded or would be, has no control device, as before 0.13; undefined if that is unknown
 * until it is loaded. The module's file has a version from 0.13 on.
 */
function lacksControl({ loaded, file }: Facts): boolean | undefined {
  if (loaded !== undefined) return loaded.control === undefined;
  return "error" in file || file.info === undefined ? undefined : file.info.version === undefined;
}

/** Checks the control node, which creates single devices. */
export function examineControl(facts: Facts): Check | undefined {
  const { loaded, file, config, isOfAllPools = false } = facts;
  const check = checkNamed("control_node", "control node");
  const limit = maxParameterDevices / (config.readyCameras ? 2 : 1);
  const most = config.readyCameras
    ? `${limit} ready cameras, which are two devices each`
    : `${limit}`;
  const tooMany = config.maxDevices > limit;
  const fewer = isOfAllPools
    ? `have ${limit} devices or less in all pools together (a ready camera is two)`
    : `set MAX_DEVICES to ${limit} or less`;
  if (lacksControl(facts) === true) {
    const detail = `none: before 0.13, devices are created when the module is loaded, at most ${most}`;
    if (!tooMany) return check.ok(detail);
    return check.problem(
      `${detail}, and ${config.maxDevices} are wanted`,
      `${fewer.charAt(0).toUpperCase()}${fewer.slice(1)}, or install v4l2loopback 0.13 or later.`,
    );
  }
  if (loaded?.control !== undefined) return examineNode(facts, loaded, loaded.control);
  if ("error" in file || file.info !== undefined || !tooMany) return undefined;
  return check.warning(
    `unknown until the module is loaded; before 0.13 there is none, and at most ${limit} of the ${config.maxDevices} devices can be created`,
    `Run on the host: modinfo -F version v4l2loopback. If it prints nothing, the module is 0.12: ${fewer}.`,
  );
}

function examineNode(
  { config, range, privileges }: Facts,
  { controlNode, controlOpens }: LoadedFacts,
  control: NonNullable<LoadedFacts["control"]>,
): Check | undefined {
  const check = checkNamed("control_node", "control node");
  const path = `${config.deviceDir}/v4l2loopback`;
  const numbers = formatDevice(control);
  const isThere = controlNode.kind === "character_device";
  // The check of the device rules says so.
  if (isThere && controlNode.forbidden) return undefined;
  if (isThere && controlOpens) return check.ok(`${path} (${numbers})`);
  const isNeeded = range.some(({ sysfs }) => sysfs === undefined);
  const report = isNeeded ? check.problem : check.warning;
  if (!isThere) {
    return report(
      `the module has one (${numbers}), but there is no ${path} here: single devices can't be created`,
      "Mount the host's /dev into the container and point DEVICE_DIR to it.",
    );
  }
  return report(
    `${path} (${numbers}) can't be opened here: single devices can't be created`,
    privileges?.uid === 0 ? "Run the container privileged: nothing less may open it." : runAsRoot,
  );
}

/** Checks that the container's device rules let the plugin open its devices, if it has to. */
export function examineDeviceRules({ forbidden, privileges }: Facts): Check | undefined {
  if (forbidden === undefined) return undefined;
  const { message, remedy } = deviceRulesError(forbidden, privileges);
  return checkNamed("device_rules", "device rules").problem(message.replace(/\.$/, ""), remedy);
}

/** Checks that the labels can be parameters of the module, if they have to be. */
export function examineLabel(facts: Facts): Check | undefined {
  const { config, range, loaded, others } = facts;
  const lacks = lacksControl(facts);
  const found = range.flatMap(({ id, number }) => {
    const values = { id, n: number, node: config.nodeName };
    const label = cardLabelOf(config.v4l2CardLabel, values);
    const problem = labelProblem(label);
    return problem === undefined ? [] : [`${JSON.stringify(label)}: ${problem}`];
  });
  const [first] = found;
  if (lacks === false || first === undefined) return undefined;
  const check = checkNamed("card_label", "card label");
  const remedy =
    "Choose a V4L2_CARD_LABEL without commas and double quotes, or install v4l2loopback 0.13 or later.";
  if (lacks === undefined) {
    return check.warning(`${first}, if the module is older than 0.13`, remedy);
  }
  const hasDevices = [...range, ...others.map((sysfs) => ({ sysfs }))].some(
    ({ sysfs }) => sysfs?.loopback === true,
  );
  return loaded !== undefined && hasDevices
    ? check.warning(`${first}; the module is loaded, but could not be loaded again`, remedy)
    : check.problem(first, remedy);
}
