import { chmodSync, existsSync, mkdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { UeventSource } from "../../linux/uevents.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { guessKind } from "../../v4l2/device-kind.ts";
import { readVideoNode } from "../../v4l2/video-node.ts";
import type { linuxCameras } from "../camera/index.ts";
import type { SimulatedSysfs } from "./simulated-sysfs.ts";

/** `device_caps` of the two nodes of a Logitech C270, as QUERYCAP gives them. */
const cameraCaps = 0x0420_0001;
const metadataCaps = 0x04a0_0000;

/** Plugs USB webcams in and out: a directory in the place of /sys, and plain files as device nodes. */
export class SimulatedUsb {
  readonly #sysfs: SimulatedSysfs;
  readonly #deviceDir: string;
  readonly #plugged = new Map<string, readonly number[]>();

  constructor(sysfs: SimulatedSysfs, deviceDir: string) {
    this.#sysfs = sysfs;
    this.#deviceDir = deviceDir;
    mkdirSync(deviceDir, { recursive: true });
    mkdirSync(classDirectory(sysfs.dir), { recursive: true });
  }

  /** The numbers of the nodes of each webcam that is plugged in, by its port. */
  get plugged(): ReadonlyMap<string, readonly number[]> {
    return this.#plugged;
  }

  /**
   * @param ports The port, or the ports of hubs and the last one: `1.2`.
   * @param serial Empty for none.
   * @param numbers Those of its nodes; the first one is that of the pictures.
   */
  plug(ports: string, serial: string, numbers: readonly number[]): void {
    this.#sysfs.addUsb(ports, serial, numbers);
    this.#plugged.set(ports, numbers);
    for (const number of numbers) {
      writeFileSync(this.path(number), "");
      chmodSync(this.path(number), 0o660);
    }
  }

  /** @returns the numbers of the nodes that are gone. */
  unplug(ports: string): readonly number[] {
    const numbers = this.#plugged.get(ports) ?? [];
    for (const number of numbers) rmSync(this.path(number), { force: true });
    this.#sysfs.removeUsb(ports);
    this.#plugged.delete(ports);
    return numbers;
  }

  /** Path of a node. */
  path(number: number): string {
    return join(this.#deviceDir, deviceId(number));
  }
}

/**
 * A machine with the webcams of a {@link SimulatedUsb}, which another process may plug in and out: what the driver of real
 * devices needs of one.
 */
export function simulatedWebcams(sysfsDir: string): ReturnType<typeof linuxCameras> {
  const nodeAt = (path: string) => readVideoNode(sysfsDir, Number(/\d+$/.exec(path)?.[0]));
  return {
    query: async (paths) => new Map(paths.map((path) => [path, answerOf(nodeAt(path))])),
    // A webcam has no input that may be without a signal.
    queryInputs: async (paths) => new Map(paths.map((path) => [path, { state: "answered" }])),
    resetControls: async () => ({ state: "answered", unclean: [] }),
    nodeNumber: (path) => (existsSync(path) ? nodeAt(path)?.device : undefined),
    openUevents: () => watchClass(classDirectory(sysfsDir)),
  };
}

function classDirectory(sysfsDir: string): string {
  return join(sysfsDir, "class/video4linux");
}

function answerOf(node: ReturnType<typeof readVideoNode>) {
  if (node === undefined) return { state: "refused", errno: "ENODEV" } as const;
  const { driver = "", name: card, index } = node;
  const deviceCaps = guessKind(driver, index) === "camera" ? cameraCaps : metadataCaps;
  const capabilities = { driver, card, busInfo: "", version: 0, deviceCaps };
  return { state: "answered", capabilities } as const;
}

/** Nodes that appear in a directory, and disappear, as the kernel's messages. */
function watchClass(directory: string): UeventSource {
  let close = () => {};
  const chunks = new ReadableStream<Uint8Array>({
    start(source) {
      const watcher = watch(directory, (_event, name) => {
        if (name === null) return;
        const action = existsSync(join(directory, name)) ? "add" : "remove";
        const message = `${action}@/class/video4linux/${basename(name)}\0`;
        source.enqueue(new TextEncoder().encode(message));
      });
      close = () => watcher.close();
    },
    cancel: () => close(),
  });
  return { chunks, close: () => close() };
}
