import { PluginError } from "../../common/plugin-error.ts";
import type { DeviceStatus } from "../inventory/device-status.ts";
import type { DeviceUse } from "../usage/usage.ts";
import { type MaintenanceKind, mayMaintain } from "./maintenance-plan.ts";

export interface OperateOptions {
  /** Also if a pod owns the device, or its use is unknown. */
  readonly force: boolean;
}

/** What is known when an operator asks for a reset or a repair. */
export interface OperationFacts {
  readonly kind: MaintenanceKind;
  readonly device: Pick<DeviceStatus, "id" | "nodes" | "cleaning">;
  readonly use: DeviceUse;
  /** True if a process holds it open; undefined if that can't be known. */
  readonly open: boolean | undefined;
  /** The pod that owns it, by the kubelet's account: `default/recorder`; undefined if none is known to. */
  readonly pod: string | undefined;
}

/**
 * Why an operator's reset or repair is refused; undefined if it isn't. Force overrules the kubelet's account, never
 * an open device: a reset under a running program can crash it, or hang in the kernel until it ends.
 */
export function refuseOperation(
  { kind, device, use, open, pod }: OperationFacts,
  { force }: OperateOptions,
): PluginError | undefined {
  const { id, cleaning, nodes } = device;
  if (kind === "reset" && cleaning !== "reset") {
    return new PluginError("not_supported", `${id} can't be reset by this process.`, {
      remedy: "Set MANAGE_DEVICES=true in a privileged container.",
    });
  }
  if (open === true) {
    const owner = pod === undefined ? "" : `, and the pod ${pod} owns it`;
    return new PluginError("device_busy", `A process holds ${id} open${owner}.`, {
      remedy: `Find it on the host: fuser -v ${nodes[0].hostPath}`,
    });
  }
  if (force || mayMaintain(kind, use, open)) return undefined;
  return use === "in_use"
    ? new PluginError(
        "device_in_use",
        pod === undefined ? `${id} was just allocated to a pod.` : `The pod ${pod} owns ${id}.`,
        { remedy: "Wait for the pod to end, or force it: the pod loses its camera for a moment." },
      )
    : new PluginError("use_unknown", `It is not known whether a pod owns ${id}.`, {
        remedy:
          "Wait until the kubelet has left it out of its answers for 20 s, or force it if you know that it is free.",
      });
}
