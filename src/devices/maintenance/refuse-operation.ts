import { PluginError } from "../../common/plugin-error.ts";
import type { Use } from "../usage/usage.ts";
import { type MaintenanceAction, mayMaintain } from "./maintenance-plan.ts";

export interface OperateOptions {
  /** Also if a pod has it, or nobody knows. */
  readonly force: boolean;
}

/** What is known when an operator asks for a reset or a repair. */
export interface OperationFacts extends MaintenanceAction {
  readonly use: Use;
  /** Whether somebody holds it open; undefined if that can't be known. */
  readonly open: boolean | undefined;
  /** Path of the device's node on the host. */
  readonly path: string;
  /** Whether the driver can do it here. */
  readonly capable: boolean;
}

/**
 * Why an operator's wish isn't done; undefined if it is. Force overrules the kubelet's books, never an open
 * device: a reset under a running program can crash it, or hang in the kernel until it ends.
 */
export function refuseOperation(
  facts: OperationFacts,
  { force }: OperateOptions,
): PluginError | undefined {
  const { kind, id, use, open } = facts;
  if (!facts.capable) {
    return new PluginError(
      "not_supported",
      `${id} can't be ${kind === "reset" ? "reset" : "repaired"}: the driver can't do that to single devices on this node.`,
      {
        remedy: "Run the doctor command: it says what of the module is missing.",
      },
    );
  }
  if (open === true) {
    return new PluginError("device_busy", `${id} is held open by a program.`, {
      remedy: `Find out who on the host: fuser -v ${facts.path}`,
    });
  }
  if (force || mayMaintain(kind, use, open)) return undefined;
  return use === "in_use"
    ? new PluginError("device_in_use", `${id} is in use by a pod, or has just been given to one.`, {
        remedy: "Wait for the pod to end, or force it: the pod loses its camera for a moment.",
      })
    : new PluginError("use_unknown", `It is not known whether a pod has ${id}.`, {
        remedy:
          "Wait until the kubelet has left it out of its answers for 20 s, or force it if you know better.",
      });
}
