import type { Clock } from "../../../common/clock.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import type { ControlDevice } from "../device/control-device.ts";
import { MISC_CLASS, readControlDevice } from "../device/sysfs.ts";
import { type DeviceNodes, NODE_PAUSE_MS, type NodePlace } from "./device-nodes.ts";

export interface ControlNodeDeps {
  readonly sysfsDir: string;
  readonly control: Pick<ControlDevice, "path" | "isPresent">;
  readonly nodes: DeviceNodes;
  readonly clock: Clock;
}

/** The control device's node, which this program makes where nobody else does, as it makes those of video devices. */
export class ControlNode {
  private readonly deps: ControlNodeDeps;
  private readonly place: NodePlace;
  /** Why it could not be made, the last time that was tried. */
  private trouble: string | undefined;

  constructor(deps: ControlNodeDeps) {
    this.deps = deps;
    this.place = {
      path: deps.control.path,
      deviceClass: MISC_CLASS,
      own: () => readControlDevice(deps.sysfsDir),
      fields: {},
    };
  }

  /**
   * Makes it, if the module has a control device and nobody else makes it within `patienceMs`: a device directory
   * that isn't the host's has none, and one that was deleted from /dev stays away.
   */
  async provide(patienceMs: number): Promise<void> {
    const { control, clock, nodes, sysfsDir } = this.deps;
    this.trouble = undefined;
    if (readControlDevice(sysfsDir) === undefined) return;
    const isPresent = () => control.isPresent();
    if (await pollUntil(isPresent, clock, { pauseMs: NODE_PAUSE_MS, patienceMs })) return;
    try {
      nodes.removeStale(this.place);
      nodes.make(this.place);
    } catch (error) {
      const { cause, message } = PluginError.from(error);
      this.trouble = cause instanceof Error ? cause.message : message;
    }
  }

  /** For when the module has gone. */
  tryToRemoveStale(): void {
    this.deps.nodes.tryToRemoveStale(this.place);
  }

  /** Why single devices can't be created or removed here, for the end of a sentence. */
  whyNoControl(): string {
    const { control, sysfsDir } = this.deps;
    if (readControlDevice(sysfsDir) === undefined) {
      return "only v4l2loopback 0.13 and later have a control device";
    }
    if (control.isPresent()) {
      return `${control.path} can't be opened (is the container privileged?)`;
    }
    const reason = this.trouble === undefined ? "" : `, and could not be made: ${this.trouble}`;
    return `${control.path} is not there, although the module has a control device${reason} (is the host's /dev mounted there?)`;
  }
}
