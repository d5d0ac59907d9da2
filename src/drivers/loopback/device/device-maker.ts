import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { applyNodeAccess } from "../../../v4l2/node-access.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import type { DeviceRequest } from "../module/parameters.ts";
import type { ControlNode } from "../node/control-node.ts";
import {
  type DeviceNodes,
  NODE_PAUSE_MS,
  type NodePlace,
  OLD_NODE_PATIENCE_MS,
} from "../node/device-nodes.ts";
import { cardLabelOf } from "./card-label.ts";
import { groupMismatches, type Mismatch, mismatches } from "./config-drift.ts";
import type { ControlDevice } from "./control-device.ts";
import type { LoopbackReason } from "./device-state.ts";
import type { LoopbackView } from "./loopback-view.ts";
import { VIDEO_CLASS } from "./sysfs.ts";

/** How long, in ms, a new device's node and attributes may take: devtmpfs and udev are not instant. */
const NODE_PATIENCE_MS = 1000;

/** Makes single devices what they should be: there, ours, with a node of the right access. */
export class DeviceMaker {
  private readonly settings: LoopbackSettings;
  private readonly log: Logger;
  private readonly clock: Clock;
  private readonly control: ControlDevice;
  private readonly controlNode: ControlNode;
  private readonly view: LoopbackView;
  private readonly nodes: DeviceNodes;
  private readonly told = new Set<string>();
  /** Devices whose node this process has given its mode and group. */
  private readonly given = new Set<string>();
  private nodesComeByThemselves = true;

  constructor(
    settings: LoopbackSettings,
    { log, clock }: { log: Logger; clock: Clock },
    {
      control,
      controlNode,
      view,
      nodes,
    }: {
      control: ControlDevice;
      controlNode: ControlNode;
      view: LoopbackView;
      nodes: DeviceNodes;
    },
  ) {
    this.settings = settings;
    this.log = log;
    this.clock = clock;
    this.control = control;
    this.controlNode = controlNode;
    this.view = view;
    this.nodes = nodes;
  }

  /** What the module is asked for. */
  request({ id, number }: DriverDevice): DeviceRequest {
    const { cardLabel, nodeName } = this.settings;
    return { number, label: cardLabelOf(cardLabel, { id, n: number, node: nodeName }) };
  }

  /**
   * `isNew`: the module was loaded just now, so that a device that looks wrong may only be unfinished.
   * @returns whether this very call has created it.
   * @throws PluginError `device_*`, `create_failed`, `not_supported`, `node_not_changed`, `node_access_failed`.
   */
  async ensure(device: DriverDevice, isNew: boolean): Promise<boolean> {
    const isThere = this.view.sysfsDevice(device) !== undefined;
    if (!isThere) await this.create(device);
    if (isNew || !isThere) await this.awaitNew(device);
    this.refuseForeign(device);
    await this.ensureNode(device);
    const { state, reason, detail } = this.view.observe(device);
    // A writer's mark is for a reset, which the caller decides on.
    if (state !== "ok" && reason !== "stuck_writer") {
      const remedy =
        reason === "faulty"
          ? "When no device is in use, unload the module on the host (rmmod v4l2loopback): this program then loads it anew."
          : `See what ${this.view.nodePath(device)} is, and remove it if nobody needs it.`;
      throw new PluginError(`device_${reason as Exclude<LoopbackReason, "stuck_writer">}`, detail, {
        remedy,
      });
    }
    const path = this.view.nodePath(device);
    if (applyNodeAccess(path, this.settings) && isThere && this.given.has(device.id)) {
      this.log.info("a device node has its mode and group back", {
        device_id: device.id,
        device_path: path,
      });
    }
    this.given.add(device.id);
    return !isThere;
  }

  /** Warns of what adopted ones of these devices differ in: a line for each difference, once for each device. */
  tellMismatches(devices: readonly DriverDevice[]): void {
    const untold = devices.flatMap((device) =>
      this.mismatchesOf(device).flatMap((mismatch) => {
        const once = JSON.stringify([device.id, mismatch]);
        if (this.told.has(once)) return [];
        this.told.add(once);
        return [[device.id, mismatch] as const];
      }),
    );
    for (const { msg, fields, ids } of groupMismatches(untold)) {
      this.log.warn(msg, { device_ids: ids, ...fields });
    }
  }

  /** @throws PluginError `device_foreign`. */
  refuseForeign(device: DriverDevice): void {
    const found = this.view.sysfsDevice(device);
    if (found === undefined || found.loopback) return;
    throw new PluginError(
      "device_foreign",
      `${this.view.observe(device).detail} It was left alone.`,
      {
        remedy:
          "Choose device numbers that nothing else uses (see /sys/class/video4linux), or set NUMBER_TAKEN=elsewhere.",
      },
    );
  }

  /**
   * Gives a new device its time. Where the last one waited for its node in vain, nobody makes nodes, and 246 devices
   * that wait a second each would look like a program that hangs.
   */
  private async awaitNew(device: DriverDevice): Promise<void> {
    const patience = this.nodesComeByThemselves ? NODE_PATIENCE_MS : OLD_NODE_PATIENCE_MS;
    await this.settle(device, patience);
    this.nodesComeByThemselves = !this.nodes.isAbsent(this.place(device));
  }

  /** Waits for a device to become ok: its attributes come some ms after itself. */
  private async settle(device: DriverDevice, patienceMs: number): Promise<void> {
    const isOk = () => this.view.observe(device).state === "ok";
    await pollUntil(isOk, this.clock, { pauseMs: NODE_PAUSE_MS, patienceMs });
  }

  private async create(device: DriverDevice): Promise<void> {
    if (!this.control.isUsable()) {
      throw new PluginError(
        "not_supported",
        `v4l2loopback is loaded without ${device.id}, which can't be added: ${this.controlNode.whyNoControl()}.`,
        {
          remedy:
            "When no device is in use, unload the module on the host (rmmod v4l2loopback): this program then loads it with all devices.",
        },
      );
    }
    this.nodes.removeStale(this.place(device));
    await this.control.add(this.request(device), this.settings);
  }

  /** For when there is no such device: its node is in the way of the next one. */
  tryToRemoveStaleNode(device: DriverDevice): void {
    this.nodes.tryToRemoveStale(this.place(device));
  }

  /**
   * Makes the node if nobody else does. The kernel is given its time first, as devtmpfs makes no node where
   * one is.
   */
  private async ensureNode(device: DriverDevice): Promise<void> {
    const place = this.place(device);
    this.nodes.removeStale(place);
    if (this.nodes.isAbsent(place)) {
      await this.settle(device, OLD_NODE_PATIENCE_MS);
    }
    this.nodes.make(place);
  }

  private place(device: DriverDevice): NodePlace {
    return {
      path: this.view.nodePath(device),
      deviceClass: VIDEO_CLASS,
      own: () => {
        const found = this.view.sysfsDevice(device);
        if (found === undefined) return undefined;
        return found.loopback && found.device !== undefined ? found.device : "unknown";
      },
      fields: { device_id: device.id },
    };
  }

  private mismatchesOf(device: DriverDevice): readonly Mismatch[] {
    const found = this.view.sysfsDevice(device);
    if (found === undefined) return [];
    const wanted = { ...this.settings, label: this.request(device).label };
    const known = this.control.isPresent() ? this.control.query(device.number) : undefined;
    return mismatches(found, wanted, known, this.settings.sysfsDir);
  }
}
