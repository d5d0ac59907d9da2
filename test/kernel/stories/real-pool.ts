import { writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { BOTS } from "./pool-file.ts";

/** The resource name of a pool. */
export const resourceOf = (pool: string) => `example.com/${pool}`;

/** That of the pool of real devices with which these functions deal. */
export const REAL = resourceOf("real");

/** The loopback devices beside it. */
export const LOOPBACK = ["video10", "video11"];

/** Health at the kubelet, by device ID. */
export type Health = Readonly<Record<string, "Healthy" | "Unhealthy">>;

const FILE = "/etc/pools.yaml";

/** How long anything may take, ms: the programs in these stories are many, and take turns on an emulated CPU. */
export const realPatienceMs = 400_000;

/** An emulated CPU has no time for more. */
const FLAGS = ["--health-check-interval=10", "--enable-metrics"];

/**
 * Starts the plugin with a pool of two loopback devices and with these of real devices, and waits until the loopback devices
 * are offered. It resets no controls: in a busy VM the child process that does it begins later than Allocate may wait.
 *
 * @param pools What each has in `devices`, in YAML, by its name.
 */
export async function startReal(
  node: GuestNode,
  pools: Readonly<Record<string, string>>,
  flags: readonly string[] = FLAGS,
): Promise<void> {
  const real = Object.entries(pools).map(
    ([name, devices]) => `
  - { name: ${name}, resource: ${resourceOf(name)}, devices: { clean: none, ${devices} } }`,
  );
  const file = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: bots, resource: ${BOTS}, loopback: { count: ${LOOPBACK.length} } }${real.join("")}
`;
  writeFileSync(FILE, file);
  node.plugin.start(`--config=${FILE}`, ...flags);
  await offersLoopback(node);
}

/** Stops the plugin. How long that takes, and so whether the plugin gives up (exit code 1), is another story's matter. */
export async function stopReal({ plugin }: GuestNode): Promise<void> {
  await plugin.stop();
}

/** Waits until the kubelet can allocate both loopback devices. */
export async function offersLoopback({ kubelet, plugin }: GuestNode): Promise<void> {
  const isSo = () => kubelet.resources(BOTS).allocatable === LOOPBACK.length;
  await kubelet.until(isSo, realPatienceMs, "loopback devices").catch((error: unknown) => {
    throw new Error(`${error}; the plugin's log ends:\n${plugin.log.tail()}\n`);
  });
}

/** Waits until the kubelet has exactly these real devices, in that health. */
export async function has({ kubelet, plugin }: GuestNode, wanted: Health): Promise<void> {
  const seen = () => kubelet.devices(REAL);
  const isSo = () => isDeepStrictEqual(seen(), wanted);
  await kubelet.until(isSo, realPatienceMs, "the devices").catch((error: unknown) => {
    const now = JSON.stringify(seen());
    throw new Error(`the devices are ${now}; the plugin's log ends:\n${plugin.log.tail()}\n`, {
      cause: error,
    });
  });
}

export function healthy(ids: readonly string[]): Health {
  return Object.fromEntries(ids.map((id) => [id, "Healthy"]));
}

/** Waits until the plugin logs that the device is unhealthy for that reason, after whatever it logged of it before. */
export async function isUnhealthy({ plugin }: GuestNode, id: string, reason: string) {
  const changes = () =>
    plugin.log.entries().filter(({ msg, device_id: one, device_ids: many }) => {
      const ids = Array.isArray(many) ? many : [one];
      return /^Devices? (un)?healthy$/.test(msg) && ids.includes(id);
    });
  await eventually(
    `${id} is ${reason}`,
    () => {
      const last = changes().at(-1)?.["reason"];
      if (last !== reason) throw new Error(`it is ${last}; the log ends:\n${plugin.log.tail()}`);
      return true;
    },
    realPatienceMs,
  );
}

/** Adds a pod whose container asks for one real device, and waits until the plugin knows whose it is; the device's ID. */
export async function realPod(node: GuestNode, name: string): Promise<string> {
  const containers = [{ name: "app", devices: { [REAL]: 1 } }];
  const pod = await node.kubelet.addPod({ name, containers });
  const { state, message } = pod.containers[0] ?? {};
  if (state !== "running") throw new Error(`the pod ${name}: ${pod.message ?? message ?? state}`);
  const [id = ""] = node.kubelet.allocations(REAL)[name] ?? [];
  await eventually(`the owner of ${id}`, () =>
    node.plugin.log.saying("Device owned by pod").some((entry) => entry["device_id"] === id),
  );
  return id;
}
