import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { type DeviceNumber, formatDevice } from "../../../linux/device-number.ts";
import { numbersFrom } from "../../../v4l2/device-ids.ts";
import { applyNodeAccess } from "../../../v4l2/node-access.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { isBuiltIn } from "../module/find-module.ts";
import { bootParametersHint, deviceRequest, parametersOf } from "../module/parameters.ts";
import {
  type DeviceNodes,
  type NodePlace,
  nodePauseMs,
  oldNodePatienceMs,
} from "../node/device-nodes.ts";
import type { ControlDevice } from "./control-device.ts";
import type { LoopbackView } from "./device-state.ts";
import { readModuleVersion, type SysfsDevice, videoClass } from "./sysfs.ts";

/** Milliseconds that a new device's node and attributes may take: devtmpfs and udev are not instant. */
const newNodePatienceMs = 1000;

export interface DeviceMakerDeps {
  readonly settings: LoopbackSettings;
  readonly control: ControlDevice;
  readonly view: LoopbackView;
  readonly nodes: DeviceNodes;
  readonly numbers: DeviceNumberHistory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes single devices exist, with a node of the right mode and group. */
export class DeviceMaker {
  readonly #deps: DeviceMakerDeps;
  /** IDs of devices whose node this process has set mode and group of. */
  readonly #accessSet = new Set<string>();
  #nodesAppear = true;

  constructor(deps: DeviceMakerDeps) {
    this.#deps = deps;
  }

  /**
   * @param isNew The module was loaded just now, so that a device that looks wrong may only be unfinished.
   * @returns whether this very call created the device.
   * @throws PluginError `device_*`, `create_failed`, `not_supported`, `node_not_changed`, `node_access_failed`.
   */
  async ensure(device: DriverDevice, isNew: boolean): Promise<boolean> {
    const { view, numbers } = this.#deps;
    const isMissing = view.sysfs(device) === undefined;
    if (isMissing) await this.#create(device);
    if (isNew || isMissing) await this.#awaitNew(device);
    this.refuseForeign(device);
    await this.#ensureNode(device);
    const { observation, sysfs } = view.observe(device);
    const { reason, detail } = observation;
    // A writer's mark is for a reset, which the caller decides on.
    if (reason !== "ok" && reason !== "stuck_writer") {
      const remedy =
        reason === "faulty"
          ? "When no device is in use, unload the module on the host (rmmod v4l2loopback): this program then loads it again."
          : `See what ${view.nodePath(device.id)} is, and remove it if nothing needs it.`;
      throw new PluginError(`device_${reason}`, detail, { remedy });
    }
    this.#setAccess(device, isMissing);
    numbers.see(device, sysfs);
    return isMissing;
  }

  /** @throws PluginError `device_foreign`. */
  refuseForeign(device: DriverDevice): void {
    const { view } = this.#deps;
    if (view.sysfs(device)?.loopback !== false) return;
    throw new PluginError(
      "device_foreign",
      `${view.observe(device).observation.detail} It was left alone.`,
      {
        remedy:
          "Choose device numbers that nothing else uses (see /sys/class/video4linux), or set NUMBER_TAKEN=elsewhere.",
      },
    );
  }

  /** Removes the node of a device that does not exist: it would block the node of the next one. */
  tryToRemoveStaleNode(device: DriverDevice): void {
    this.#deps.nodes.tryToRemoveStale(this.#place(device));
  }

  async #create(device: DriverDevice): Promise<void> {
    const { settings, control, nodes } = this.#deps;
    if (!control.isUsable()) {
      throw new PluginError(
        "not_supported",
        `v4l2loopback is loaded without ${device.id}, which can't be added: ${control.whyNotUsable()}.`,
        {
          remedy: isBuiltIn(settings.modulesDir, settings.kernelRelease)
            ? bootParametersHint(
                numbersFrom(settings.firstDeviceNumber, settings.maxDevices),
                settings.exclusiveCaps,
              )
            : "When no device is in use, unload the module on the host (rmmod v4l2loopback): this program then loads it with all devices.",
        },
      );
    }
    nodes.removeStale(this.#place(device));
    const request = deviceRequest(device, settings);
    const version = readModuleVersion(settings.sysfsDir);
    await control.add(request, parametersOf(request.role, settings, version));
  }

  /**
   * Waits for a new device. Where the last one's node did not appear, none will: 246 devices that wait a second each
   * would look like a program that hangs.
   */
  async #awaitNew(device: DriverDevice): Promise<void> {
    await this.#settle(device, this.#nodesAppear ? newNodePatienceMs : oldNodePatienceMs);
    this.#nodesAppear = !this.#deps.nodes.isAbsent(this.#place(device));
  }

  /** Waits for a device to become ok: its attributes appear some ms after itself. */
  async #settle(device: DriverDevice, patienceMs: number): Promise<void> {
    const { view, clock } = this.#deps;
    const isOk = () => view.observe(device).observation.state === "ok";
    await pollUntil(isOk, clock, { pauseMs: nodePauseMs, patienceMs });
  }

  /** Creates a missing node. First the kernel gets its time, as devtmpfs creates no node where one is. */
  async #ensureNode(device: DriverDevice): Promise<void> {
    const { nodes } = this.#deps;
    const place = this.#place(device);
    nodes.removeStale(place);
    if (nodes.isAbsent(place)) await this.#settle(device, oldNodePatienceMs);
    nodes.create(place);
  }

  #setAccess({ id }: DriverDevice, isCreated: boolean): void {
    const { settings, view, log } = this.#deps;
    const path = view.nodePath(id);
    if (applyNodeAccess(path, settings) && !isCreated && this.#accessSet.has(id)) {
      log.info("Device node got its mode and group back", { device_id: id, device_path: path });
    }
    this.#accessSet.add(id);
  }

  #place(device: DriverDevice): NodePlace {
    const { view } = this.#deps;
    return {
      path: view.nodePath(device.id),
      deviceClass: videoClass,
      own: () => {
        const found = view.sysfs(device);
        return found === undefined ? undefined : (found.loopback && found.device) || "unknown";
      },
      fields: { device_id: device.id },
    };
  }
}

/**
 * The device numbers that devices were seen with. A container knows a device by its number, in its node as in its
 * device cgroup, and keeps that number when the device is lost and recreated. V4L2 gives a new device the lowest free
 * minor (v4l2-dev.c, without CONFIG_VIDEO_FIXED_MINOR_RANGES).
 */
export class DeviceNumberHistory {
  readonly #log: Logger;
  readonly #seen = new Map<string, DeviceNumber>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The order in which to create devices, so that lost ones get the numbers they had: by their minors. Those that were
   * never seen come last, in the order they are in.
   */
  inOrder(devices: readonly DriverDevice[]): DriverDevice[] {
    const minor = ({ id }: DriverDevice) => this.#seen.get(id)?.minor ?? Number.POSITIVE_INFINITY;
    // Two infinities have no difference.
    return [...devices].sort((a, b) => (minor(a) < minor(b) ? -1 : minor(a) > minor(b) ? 1 : 0));
  }

  /** Records a device's number, if v4l2loopback created it, and warns if the number has changed. */
  see(
    { id }: Pick<DriverDevice, "id">,
    found: Pick<SysfsDevice, "loopback" | "device"> | undefined,
  ): void {
    if (!found?.loopback || found.device === undefined) return;
    const number = formatDevice(found.device);
    const former = this.#seen.get(id);
    this.#seen.set(id, found.device);
    if (former === undefined || formatDevice(former) === number) return;
    this.#log.warn("Device recreated with another device number", {
      device_id: id,
      device_number: number,
      former_device_number: formatDevice(former),
      detail: `a container that owns ${id} since before has the number ${formatDevice(former)}, and reaches whichever device has that now`,
      remedy: `Delete the pods that owned ${id} before, or keep them from opening it.`,
    });
  }
}
