import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { ResourceCount } from "../contract/node.ts";
import type { Kubelet } from "./kubelet.ts";

/**
 * Capacity and allocatable as the kubelet would report them in its Node object.
 *
 * Without an API server no Node is written anywhere, but the kubelet computes its status for each
 * `/stats/summary` (`GetNode` in pkg/kubelet/kubelet_getters.go), by the code that fills
 * a cluster's Node, and that code logs what it sets
 * (`MachineInfo` in pkg/kubelet/nodestatus/setters.go): capacity if the resource is known, then allocatable
 * if it differs from capacity. So: ask for the page, read what the log gained. Other sources say less:
 * the pod-resources API and the checkpoint have healthy devices only, and "Processed device updates"
 * is not logged when a plugin's stream ends.
 */
export async function nodeStatus(kubelet: Kubelet, resource: string): Promise<ResourceCount> {
  const before = statSync(kubelet.daemon.log).size;
  await kubelet.readOnly("/stats/summary?only_cpu_and_memory=true");
  return parseNodeStatus(readFrom(kubelet.daemon.log, before), resource);
}

/** The last status in a piece of log; zeros when there is none of this resource. */
export function parseNodeStatus(log: string, resource: string): ResourceCount {
  const name = RegExp.escape(resource);
  const capacities = log.matchAll(
    new RegExp(`"Updated capacity for device plugin" plugin="${name}" capacity=(\\d+)`, "g"),
  );
  const last = [...capacities].at(-1);
  if (!last) return { capacity: 0, allocatable: 0 };
  const capacity = Number(last[1]);
  const rest = log.slice(last.index);
  const allocatable = rest.match(
    new RegExp(`"Updated allocatable" device="${name}" allocatable=(\\d+)`),
  );
  return { capacity, allocatable: allocatable ? Number(allocatable[1]) : capacity };
}

function readFrom(path: string, offset: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(fstatSync(file).size - offset);
    readSync(file, bytes, 0, bytes.length, offset);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
}
