import { options } from "../../config/options.ts";
import { loopbackPoolKeys } from "../../config/pool-config.ts";
import { fieldOf } from "../../config/pools/fields.ts";
import { feedNumber } from "../../v4l2/device-ids.ts";
import { type Check, checkNamed, runAsRoot } from "./check.ts";
import { examine, examineKernel, examineVideo } from "./examine.ts";
import { examineCameraPool } from "./examine-camera-pool.ts";
import { examineCdi } from "./examine-cdi.ts";
import { examineKubelet, examineOtherPlugins, examinePodResources } from "./examine-kubelet.ts";
import type { Facts } from "./facts.ts";
import type { PoolsFacts } from "./pools-facts.ts";

/** The checks of a node with a config file: those of the node and the module once, the others for each pool. */
export function examinePools(facts: PoolsFacts): Check[] {
  const { node, loopback, cameraPools, cameras, places } = facts;
  const names = [...loopback, ...cameraPools].map(({ name }) => name);
  const of = (name: string, checks: readonly Check[]) =>
    checks.map(inTermsOfFile).map((check) => {
      return names.length === 1
        ? check
        : { ...check, title: `${check.title} of ${name}`, pool: name };
    });
  const [first] = loopback;
  const only = loopback.length === 1 && cameraPools.length === 0;
  const cdi = facts.cdi === undefined ? [] : [examineCdi(facts.cdi, node.config)];
  if (first !== undefined && only) return [...examine(first.facts).map(inTermsOfFile), ...cdi];
  const kubelet = [...examineKubelet(node), examinePodResources(node)];
  if (names.length === 0) return [examineKernel(node), noPool(node), ...kubelet];
  return [
    examineKernel(node),
    ...(first === undefined ? [examineUser(node)] : examineLoopback(facts, of)),
    ...cameraPools.flatMap((pool) => of(pool.name, [examineCameraPool(pool, { cameras, places })])),
    ...kubelet,
    ...loopback.flatMap((pool) => of(pool.name, examineOtherPlugins(pool.facts))),
    ...cdi,
  ];
}

function examineLoopback(
  facts: PoolsFacts,
  of: (name: string, checks: readonly Check[]) => readonly Check[],
): Check[] {
  const { loopback } = facts;
  const all = together(facts);
  const { module, rest } = examineVideo(all);
  return [
    ...module.map(inTermsOfFile),
    ...loopback.flatMap(({ name, facts: own }) => of(name, examineVideo(own).range)),
    ...rest,
  ];
}

/** The facts of all loopback pools as if they were one, for what they share: the module, and the devices of no pool. */
function together({ node, loopback, cameras, places }: PoolsFacts): Facts {
  const own = loopback.map(({ facts }) => facts);
  const range = own.flatMap((facts) => facts.range);
  const nodesOf = ({ config, range: numbers }: Facts) =>
    numbers.flatMap(({ number }) =>
      config.readyCameras ? [number, feedNumber(number)] : [number],
    );
  const placed = cameras.filter(({ id }) => typeof places.get(id)?.pool === "string");
  const ours = new Set([
    ...own.flatMap(nodesOf),
    ...placed.flatMap(({ nodes }) => nodes.map(({ number }) => number)),
  ]);
  const others = own[0]?.others.concat(own[0].range.flatMap(({ sysfs }) => sysfs ?? [])) ?? [];
  const { config } = own[0] ?? node;
  const counted = { ...config, maxDevices: own.flatMap(nodesOf).length, readyCameras: false };
  return {
    ...(own[0] ?? node),
    ...(own.length > 1 ? { config: counted, isOfAllPools: true } : { config }),
    range,
    others: others.filter(({ number }) => !ours.has(number)),
    forbidden: own.map(({ forbidden }) => forbidden).find((path) => path !== undefined),
  };
}

function noPool({ config }: Facts): Check {
  return checkNamed("pools", "pools").problem(
    `${config.configFile} has no pool for the node ${config.nodeName}`,
    "Change onNodes of a pool, or keep the plugin off this node.",
  );
}

/** Checks whether this user may do what real devices need, which is no module. */
function examineUser({ privileges }: Facts): Check {
  const check = checkNamed("privileges", "privileges");
  if (privileges === undefined) return check.warning("unknown: there is no /proc/self/status");
  if (privileges.uid === 0) return check.ok("root; no kernel module is needed for real devices");
  return check.warning(
    `user ${privileges.uid}: real devices can't be asked what they are, nor reset`,
    runAsRoot,
  );
}

/** A check that names the fields of the file instead of the options, which a file replaces. */
function inTermsOfFile(check: Check): Check {
  const { detail, remedy } = check;
  return {
    ...check,
    detail: withFields(detail),
    ...(remedy !== undefined && { remedy: withFields(remedy) }),
  };
}

/** `FIRST_DEVICE_NUMBER=40` becomes `loopback.firstNumber: 40`. */
export function withFields(text: string): string {
  return loopbackPoolKeys.reduce((now, key) => {
    const pattern = new RegExp(`\\b${options[key].env}\\b(=)?`, "g");
    return now.replace(pattern, (_, sign) => fieldOf(key).join(".") + (sign ? ": " : ""));
  }, text);
}
