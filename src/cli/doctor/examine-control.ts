import { cardLabelOf, labelProblem, maxParameterDevices } from "../../drivers/loopback/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { type Check, checkNamed } from "./check.ts";
import type { Facts, LoadedFacts } from "./facts.ts";

/**
 * Whether the module, as it is loaded or would be, makes devices only while it is loaded, as before 0.13; undefined if
 * that shows only once it is loaded. Its file has a version from 0.13 on.
 */
function lacksControl({ loaded, file }: Facts): boolean | undefined {
  if (loaded !== undefined) return loaded.control === undefined;
  return "error" in file || file.info === undefined ? undefined : file.info.version === undefined;
}

/** The way to make single devices, and whether there is one. */
export function examineControl(facts: Facts): Check | undefined {
  const { loaded, file, config } = facts;
  const check = checkNamed("control_node", "control node");
  const tooMany = config.maxDevices > maxParameterDevices;
  if (lacksControl(facts) === true) {
    const detail = "none: before 0.13, devices are made when the module is loaded, at most 8";
    if (!tooMany) return check.ok(detail);
    return check.problem(
      `${detail}, and ${config.maxDevices} are wanted`,
      "Set MAX_DEVICES to 8 or less, or install v4l2loopback 0.13 or later.",
    );
  }
  if (loaded?.control !== undefined) return examineNode(facts, loaded, loaded.control);
  if ("error" in file || file.info !== undefined || !tooMany) return undefined;
  return check.warning(
    `whether there is one shows once the module is loaded; before 0.13 there is none, and at most 8 of the ${config.maxDevices} devices can be made`,
    "On the host, modinfo -F version v4l2loopback tells it, and of 0.12 nothing. If so, set MAX_DEVICES to 8 or less.",
  );
}

function examineNode(
  { config, range, privileges }: Facts,
  { controlNode, controlOpens }: LoadedFacts,
  control: NonNullable<LoadedFacts["control"]>,
): Check {
  const check = checkNamed("control_node", "control node");
  const path = `${config.deviceDir}/v4l2loopback`;
  const numbers = formatDevice(control);
  const isThere = controlNode.kind === "character_device";
  if (isThere && controlOpens) return check.ok(`${path} (${numbers})`);
  const isNeeded = range.some(({ sysfs }) => sysfs === undefined);
  const tell = isNeeded ? check.problem : check.warning;
  if (!isThere) {
    return tell(
      `the module has one (${numbers}), but there is no ${path} here: devices can't be made one by one`,
      "Mount the host's /dev into the container and point DEVICE_DIR to it.",
    );
  }
  return tell(
    `${path} (${numbers}) can't be opened here: devices can't be made one by one`,
    privileges?.uid === 0
      ? "Run the container privileged: nothing less may open it."
      : "Run this as root: sudo video-device-plugin doctor",
  );
}

/** What a label may not have that is given as a parameter; nothing where it isn't, or it may be given. */
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
