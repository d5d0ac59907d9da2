import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import type { DriverDevice, EnsureReport } from "../../driver.ts";
import type { ExclusiveAccess } from "../cleaning/exclusive-access.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { ensureModule, type Provided, refuseTooMany } from "../module/ensure-module.ts";
import type { ModuleOwnership } from "../module/module-ownership.ts";
import { renumberModule } from "../module/renumber.ts";
import type { ControlNode } from "../node/control-node.ts";
import { OLD_NODE_PATIENCE_MS } from "../node/device-nodes.ts";
import type { ControlDevice } from "./control-device.ts";
import type { DeviceMaker } from "./device-maker.ts";
import type { DeviceNumberHistory } from "./device-number-history.ts";
import type { LoopbackView } from "./loopback-view.ts";

export interface EnsureContext {
  readonly settings: LoopbackSettings;
  readonly log: Logger;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
  readonly control: ControlDevice;
  readonly controlNode: ControlNode;
  readonly view: LoopbackView;
  readonly maker: DeviceMaker;
  readonly access: ExclusiveAccess;
  readonly module: ModuleOwnership;
  readonly numbers: DeviceNumberHistory;
}

/** What an `ensure` does, from the module to each of the devices: see `VideoDriver`. */
export async function ensureDevices(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  needs: EnsureContext,
): Promise<EnsureReport> {
  const { settings, control, controlNode, view, maker, module, numbers } = needs;
  renumberModule(devices, recreatable, { ...needs, sysfsDir: settings.sysfsDir });
  const isThere = (device: DriverDevice) => view.sysfsDevice(device) !== undefined;
  const old = new Set(devices.filter(isThere));
  for (const device of devices) if (!old.has(device)) maker.tryToRemoveStaleNode(device);
  const inOrder = numbers.inOrder(devices);
  const requests = inOrder.map((device) => maker.request(device));
  const provided = await ensureModule(requests, needs);
  if (provided.by === "ours") module.isOurs();
  await controlNode.provide(OLD_NODE_PATIENCE_MS);
  if (!devices.every(isThere) && !control.isUsable()) refuseTooMany(devices.length, settings);
  const outcomes = new Map<DriverDevice, Outcome>();
  for (const device of inOrder) {
    outcomes.set(device, await ensureDevice(device, !old.has(device), provided, needs));
  }
  const are = (outcome: Outcome) => devices.filter((device) => outcomes.get(device) === outcome);
  const ids = (list: readonly DriverDevice[]) => list.map(({ id }) => id);
  maker.tellMismatches(devices.filter((device) => !(outcomes.get(device) instanceof Error)));
  return {
    created: ids(are("created")),
    adopted: ids(are("adopted")),
    failed: devices.flatMap((device) => {
      const error = outcomes.get(device);
      return error instanceof Error ? [{ id: device.id, error }] : [];
    }),
  };
}

type Outcome = "created" | "adopted" | PluginError;

/** `isNew`: /sys did not have it before. */
async function ensureDevice(
  device: DriverDevice,
  isNew: boolean,
  provided: Provided,
  { access, maker, view, numbers }: EnsureContext,
): Promise<Outcome> {
  try {
    access.liftLeftOver(device);
    // What was there before a load is not new, and need not be waited for.
    const isAdded = await maker.ensure(device, provided.by !== "there" && isNew);
    numbers.see(device, view.deviceNumber(device));
    const isLoaded = isNew && provided.by === "ours" && provided.asked.includes(device.number);
    return isAdded || isLoaded ? "created" : "adopted";
  } catch (error) {
    return PluginError.from(error);
  }
}
