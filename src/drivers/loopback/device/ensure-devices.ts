import { PluginError } from "../../../common/plugin-error.ts";
import { readPrivileges } from "../../../linux/privileges.ts";
import type { DriverDevice, EnsureReport } from "../../driver.ts";
import type { ExclusiveAccess } from "../cleaning/exclusive-access.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import {
  ensureModule,
  type ModuleContext,
  type ModuleLoad,
  refuseTooMany,
} from "../module/ensure-module.ts";
import type { ModuleOwnership } from "../module/module-ownership.ts";
import { type DeviceRequest, deviceRequest, parametersOf } from "../module/parameters.ts";
import { renumberModule } from "../module/renumber.ts";
import type { ModuleMember, SharedModule } from "../module/shared-module.ts";
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
  readonly shared: SharedModule;
  /** This driver's part in the module. */
  readonly member: ModuleMember;
  readonly numbers: DeviceNumberHistory;
  readonly drift: ConfigDrift;
}

/** `VideoDriver.ensure`: first the module, then each device. */
export async function ensureDevices(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  context: EnsureContext,
): Promise<EnsureReport> {
  const { settings, control, view, numbers, drift, shared } = context;
  const exists = (device: DriverDevice) => view.sysfs(device) !== undefined;
  const inOrder = numbers.inOrder(devices);
  const { load, old } = await shared.alone(() => ensureLoaded(inOrder, recreatable, context));
  if (!devices.every(exists) && !control.isUsable()) {
    const count = shared.requests(context.member, context.member.requests).length;
    refuseTooMany(count, settings, shared.isShared);
  }
  refuseForbidden(devices, context);
  const outcomes = new Map<DriverDevice, Outcome>();
  for (const device of inOrder) {
    const ensure = () => ensureDevice(device, !old.has(device), load, context);
    outcomes.set(device, await shared.alone(ensure));
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

interface Loaded {
  readonly load: ModuleLoad;
  /** The devices that existed before. */
  readonly old: ReadonlySet<DriverDevice>;
}

/** Loads the module if it isn't, for the devices of all drivers. */
async function ensureLoaded(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  context: EnsureContext,
): Promise<Loaded> {
  const { settings, control, view, maker, module, shared, member } = context;
  renumberModule(devices, recreatable, context);
  const old = new Set(devices.filter((device) => view.sysfs(device) !== undefined));
  for (const device of devices) if (!old.has(device)) maker.tryToRemoveStaleNode(device);
  const own = devices.map((device) => loadRequest(device, settings));
  const load = await ensureModule(shared.requests(member, own), context);
  if (load.by === "ours") {
    module.isOurs();
    shared.created(load.numbers);
  }
  await control.ensureNode(oldNodePatienceMs);
  return { load, old };
}

/** A device as a load creates it, whose other parameters are those of all drivers' devices. */
export function loadRequest(device: DriverDevice, settings: LoopbackSettings): DeviceRequest {
  const request = deviceRequest(device, settings);
  const { exclusiveCaps } = parametersOf(request.role, settings, undefined);
  return { ...request, exclusiveCaps };
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
  { access, maker, module, shared }: EnsureContext,
): Promise<Outcome> {
  // Another driver may have loaded it, just now or some time ago.
  const isLoaded = shared.reportCreated(device.number) && module.hasLoaded();
  try {
    access.unlockLeftOver(device);
    // A device that existed before the load is not new, and needs no waiting.
    const isAdded = await maker.ensure(device, isLoaded || (load.by !== "there" && isNew));
    return isAdded || isLoaded ? "created" : "adopted";
  } catch (error) {
    return PluginError.from(error);
  }
}
