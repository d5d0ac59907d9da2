import { dirname, join } from "node:path";
import { readSmallFile } from "../common/files.ts";

/**
 * The NUMA node of each device: that of the next device above it in /sys which has one, mostly the PCI device of a USB's host
 * controller (Documentation/ABI/testing/sysfs-bus-pci, numa_node). It is read once for each path, which is that of a port.
 */
export class NumaNodes {
  readonly #known = new Map<string, number | undefined>();

  /** @param path The device's directory in /sys, without links. @returns undefined if there is none, or the kernel doesn't know it. */
  of(path: string): number | undefined {
    if (!this.#known.has(path)) this.#known.set(path, readNumaNode(path));
    return this.#known.get(path);
  }
}

function readNumaNode(path: string): number | undefined {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const text = readSmallFile(join(at, "numa_node"));
    // -1 if the firmware says nothing.
    if (text !== undefined) return /^\d+$/.test(text) ? Number(text) : undefined;
  }
  return undefined;
}
