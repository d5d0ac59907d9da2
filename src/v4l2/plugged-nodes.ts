import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { readSmallFile } from "../common/files.ts";
import { formatDevice } from "../linux/device-number.ts";
import { deviceId } from "./device-ids.ts";
import { type Parent, readVideoNode, type VideoNode } from "./video-node.ts";

/** A video node with hardware behind it. */
export interface PluggedNode extends VideoNode {
  readonly parent: Parent;
  /** Differs from that of every other time at which a device was plugged in, in this boot of the host. */
  readonly appearance: string;
}

interface Known {
  readonly inode: number;
  readonly changedMs: number;
  /** Undefined if there is no hardware. */
  readonly node: PluggedNode | undefined;
}

/**
 * The video nodes with hardware behind them. What /sys says of a node stays the same while the node is there, so it is read
 * once: a further reading costs a stat(2) for each node.
 */
export class PluggedNodes {
  readonly #sysfsDir: string;
  #known: ReadonlyMap<number, Known> = new Map();

  constructor(sysfsDir: string) {
    this.#sysfsDir = sysfsDir;
  }

  /** All nodes, ascending by number; what disappears meanwhile is left out. */
  read(): PluggedNode[] {
    const parents = new Map<string, Parent>();
    const devnums = new Map<string, string>();
    const now = new Map<number, Known>();
    for (const number of this.#numbers()) {
      const stat = statSync(this.#path(number), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const before = this.#known.get(number);
      const isSame = before?.inode === stat.ino && before.changedMs === stat.ctimeMs;
      const node = isSame ? before.node : this.#read(number, stat.ino, parents, devnums);
      now.set(number, { inode: stat.ino, changedMs: stat.ctimeMs, node });
    }
    this.#known = now;
    return [...now.values()].flatMap(({ node }) => node ?? []);
  }

  #read(
    number: number,
    inode: number,
    parents: Map<string, Parent>,
    devnums: Map<string, string>,
  ): PluggedNode | undefined {
    const node = readVideoNode(this.#sysfsDir, number, parents);
    const parent = node?.parent;
    if (node === undefined || parent === undefined) return undefined;
    // Grows each time that a device is plugged in; so do the inodes of sysfs.
    const devnum = devnums.get(parent.path) ?? readSmallFile(join(parent.path, "devnum")) ?? "";
    devnums.set(parent.path, devnum);
    const device = node.device === undefined ? "" : formatDevice(node.device);
    const appearance = `${parent.path} ${devnum} ${number} ${device} ${inode}`;
    return { ...node, parent, appearance };
  }

  #numbers(): number[] {
    try {
      return readdirSync(join(this.#sysfsDir, "class/video4linux"))
        .flatMap((name) => /^video(\d+)$/.exec(name)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }

  #path(number: number): string {
    return join(this.#sysfsDir, "class/video4linux", deviceId(number));
  }
}
