import { PluginError } from "../../../common/plugin-error.ts";
import { readPrivileges } from "../../../linux/privileges.ts";
import type { DriverDevice, EnsureReport } from "../../driver.ts";
import type { ExclusiveAccess } from "../cleaning/exclusive-access.ts";
import {
  ensureModule,
  type ModuleContext,
  type ModuleLoad,
  refuseTooMany,
} from "../module/ensure-module.ts";
import type { ModuleOwnership } from "../module/module-ownership.ts";
import { deviceRequest } from "../module/parameters.ts";
import { renumberModule } from "../module/renumber.ts";
import { oldNodePatienceMs } from "../node/device-nodes.ts";
import { deviceRulesError } from "../node/device-rules.ts";
import type { ConfigDrift } from "./config-drift.ts";
import type { DeviceMaker, DeviceNumberHistory } from "./device-maker.ts";
import type { LoopbackView } from "./device-state.ts";

export interface EnsureContext extends ModuleContext {
  readonly view: LoopbackView;
  readonly maker: DeviceMaker;
  readonly access: ExclusiveAccess;
  readonly module: ModuleOwnership;
  readonly numbers: DeviceNumberHistory;
  readonly drift: ConfigDrift;
}

/** `VideoDriver.ensure`: first the module, then each device. */
export async function ensureDevices(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  context: EnsureContext,
): Promise<EnsureReport> {
  const { settings, control, view, maker, module, numbers, drift } = context;
  renumberModule(devices, recreatable, context);
  const exists = (device: DriverDevice) => view.sysfs(device) !== undefined;
  const old = new Set(devices.filter(exists));
  for (const device of devices) if (!old.has(device)) maker.tryToRemoveStaleNode(device);
  const inOrder = numbers.inOrder(devices);
  const load = await ensureModule(
    inOrder.map((device) => deviceRequest(device, settings)),
    context,
  );
  if (load.by === "ours") module.isOurs();
  await control.ensureNode(oldNodePatienceMs);
  if (!devices.every(exists) && !control.isUsable()) refuseTooMany(devices.length, settings);
  refuseForbidden(devices, context);
  const outcomes = new Map<DriverDevice, Outcome>();
  for (const device of inOrder) {
    outcomes.set(device, await ensureDevice(device, !old.has(device), load, context));
  }
  const idsOf = (outcome: Outcome) =>
    devices.filter((device) => outcomes.get(device) === outcome).map(({ id }) => id);
  drift.warnOnce(devices.filter((device) => !(outcomes.get(device) instanceof Error)));
  return {
    created: idsOf("created"),
    adopted: idsOf("adopted"),
    failed: devices.flatMap((device) => {
      const error = outcomes.get(device);
      return error instanceof Error ? [{ id: device.id, error }] : [];
    }),
  };
}

/**
 * Where the container's device rules forbid to open the devices, or the control device that would add missing ones,
 * that is one error and not one a device: nothing can be created or cleaned.
 * @throws PluginError `device_not_permitted`.
 */
function refuseForbidden(
  devices: readonly DriverDevice[],
  { view, control, kernel, settings }: EnsureContext,
): void {
  const existing = devices.filter((device) => view.sysfs(device)?.loopback === true);
  const opened = settings.opensDevices === false ? [] : existing;
  const paths = opened.map(({ id }) => view.nodePath(id));
  const needed = existing.length < devices.length ? [control.path, ...paths] : paths;
  const path = needed.find((each) => {
    const node = kernel.lookAt(each);
    return node.kind === "character_device" && node.forbidden;
  });
  if (path !== undefined) throw deviceRulesError(path, readPrivileges());
}

type Outcome = "created" | "adopted" | PluginError;

/** @param isNew The device did not exist before. */
async function ensureDevice(
  device: DriverDevice,
  isNew: boolean,
  load: ModuleLoad,
  { access, maker }: EnsureContext,
): Promise<Outcome> {
  try {
    access.unlockLeftOver(device);
    // A device that existed before the load is not new, and needs no waiting.
    const isAdded = await maker.ensure(device, load.by !== "there" && isNew);
    const isLoaded = isNew && load.by === "ours" && load.numbers.includes(device.number);
    return isAdded || isLoaded ? "created" : "adopted";
  } catch (error) {
    return PluginError.from(error);
  }
}
