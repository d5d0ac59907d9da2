import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/common/clock.ts";
import { CameraCatalog } from "../../src/drivers/camera/camera-catalog.ts";
import { CameraDriver } from "../../src/drivers/camera/camera-driver.ts";
import { cameraMemoryFile } from "../../src/drivers/camera/camera-memory.ts";
import type { CameraPoolSettings } from "../../src/drivers/camera/camera-settings.ts";
import type { linuxCameras } from "../../src/drivers/camera/linux-cameras.ts";
import type { NodeAnswer } from "../../src/drivers/camera/questions.ts";
import { SimulatedUsb, simulatedWebcams } from "../../src/drivers/simulated/index.ts";
import { FakeVideoSysfs } from "./fake-video-sysfs.ts";
import { recordingLogger } from "./recording-logger.ts";

export interface FakeUsbCamera {
  /** Default: none. */
  readonly serial?: string;
  /** Numbers of its nodes. Default: the lowest two that are free. */
  readonly numbers?: readonly number[];
}

export const cameraPool: CameraPoolSettings = {
  ...{ name: "webcams", select: [{}], exclude: [], identity: "auto", deviceName: "" },
  with: [],
  expect: 0,
  clean: "controls",
  signal: "report",
};

/** `device_caps` of a node that captures pictures. */
const cameraCaps = 0x0420_0001;

/** A node on which USB cameras are plugged in and out: a fake /sys, plain files as device nodes, and uevents. */
export class FakeCameras {
  readonly sysfs = new FakeVideoSysfs();
  readonly #dir = mkdtempSync(join(tmpdir(), "fake-cameras-"));
  readonly deviceDir = join(this.#dir, "dev");
  readonly linkDir = join(this.#dir, "run/devices");
  readonly stateDir = join(this.#dir, "state");
  readonly #usb = new SimulatedUsb(this.sysfs, this.deviceDir);
  readonly #sources = new Set<ReadableStreamDefaultController<Uint8Array>>();
  /** What nodes answer, by number; others answer as a webcam's do. */
  readonly answers = new Map<number, NodeAnswer<"capabilities">>();
  /** When nodes answer. */
  answering: Promise<void> = Promise.resolve();
  /** Paths of nodes that were asked, in order. */
  readonly asked: string[] = [];
  /** What nodes answer that are asked for their inputs, by number; others have none. */
  readonly inputs = new Map<number, NodeAnswer<"input">>();
  /** Paths of nodes that were asked for them, in order. */
  readonly askedForInput: string[] = [];
  /** Paths of nodes whose controls were reset. */
  readonly resets: string[] = [];
  resetAnswer: NodeAnswer<"reset"> | undefined = { state: "answered", unclean: [] };
  /** How long a reset takes whose process may begin within this time, ms. */
  resetting: (startMs: number) => Promise<void> = async () => undefined;

  readonly #simulated = simulatedWebcams(this.sysfs.dir);
  /** What a catalog and its drivers need of a machine. */
  readonly machine: ReturnType<typeof linuxCameras> = {
    query: async (paths) => {
      this.asked.push(...paths);
      await this.answering;
      const usual = await this.#simulated.query(paths);
      const own = (path: string) => this.answers.get(numberIn(path));
      return new Map([...usual].map(([path, answer]) => [path, own(path) ?? answer]));
    },
    queryInputs: async (paths) => {
      this.askedForInput.push(...paths);
      await this.answering;
      const none: NodeAnswer<"input"> = { state: "answered" };
      return new Map(paths.map((path) => [path, this.inputs.get(numberIn(path)) ?? none]));
    },
    resetControls: async (path, startMs) => {
      this.resets.push(path);
      await this.resetting(startMs);
      return this.resetAnswer;
    },
    nodeNumber: (path) => this.#simulated.nodeNumber(path),
    openUevents: () => this.#openUevents(),
  };

  /** A process of the plugin that begins now. */
  start({
    signal = "report",
    pools = [{ ...cameraPool, signal }],
    allocated = [],
    clock = systemClock,
  }: {
    /** Of the only pool. */
    readonly signal?: CameraPoolSettings["signal"];
    readonly pools?: readonly CameraPoolSettings[];
    readonly allocated?: readonly string[];
    readonly clock?: Clock;
  } = {}) {
    const log = recordingLogger();
    const places = { deviceDir: this.deviceDir, sysfsDir: this.sysfs.dir, linkDir: this.linkDir };
    const memory = cameraMemoryFile(this.stateDir);
    const deps = { ...this.machine, clock, log };
    const catalog = new CameraCatalog(pools, places, allocated, { ...deps, memory });
    const drivers = pools.map(
      (pool) =>
        new CameraDriver(pool, { ...places, hostDeviceDir: this.deviceDir }, allocated, {
          ...deps,
          catalog,
        }),
    );
    const [driver] = drivers;
    if (driver === undefined) throw new Error("no pool");
    return { driver, drivers, catalog, log };
  }

  plug(ports: string, { serial = "", numbers = this.#freeNumbers() }: FakeUsbCamera = {}): void {
    this.#usb.plug(ports, serial, numbers);
    this.#emit("add", ports, numbers);
  }

  /** A capture card with an input, `platform-card4` of the driver unicam, which stays. */
  async addCard(number: number): Promise<void> {
    this.sysfs.addPlatform(`card${number}`, "unicam", [number]);
    const capabilities = { driver: "unicam", card: "HDMI", busInfo: `platform:card${number}` };
    this.answers.set(number, {
      state: "answered",
      capabilities: { ...capabilities, version: 0, deviceCaps: cameraCaps },
    });
    await Bun.write(this.#usb.path(number), "");
  }

  unplug(ports: string): void {
    this.#emit("remove", ports, this.#usb.unplug(ports));
  }

  isPlugged(ports: string): boolean {
    return this.#usb.plugged.has(ports);
  }

  /** Removes the node of the pictures from /dev, and leaves the device. */
  removeNode(ports: string): void {
    const [number = 0] = this.#usb.plugged.get(ports) ?? [];
    rmSync(this.#usb.path(number));
  }

  /** A process opens the camera, as the kernel shows it up to Linux 6.15; the result closes it. */
  hold(ports: string): () => void {
    const usage = `devices/pci0000:00/0000:00:14.0/usb1/1-${ports}/1-${ports}:1.0/power/runtime_usage`;
    this.sysfs.put(usage, "1");
    return () => this.sysfs.put(usage, "0");
  }

  close(): void {
    for (const source of this.#sources) source.close();
    this.sysfs.remove();
    rmSync(this.#dir, { recursive: true });
  }

  #freeNumbers(): number[] {
    const taken = new Set([...this.#usb.plugged.values()].flat());
    return Array.from({ length: 256 }, (_, number) => number)
      .filter((number) => !taken.has(number))
      .slice(0, 2);
  }

  #openUevents() {
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    const chunks = new ReadableStream<Uint8Array>({
      start: (source) => {
        own = source;
        this.#sources.add(source);
      },
      cancel: () => void (own && this.#sources.delete(own)),
    });
    return { chunks, close: () => undefined };
  }

  #emit(action: string, ports: string, numbers: readonly number[]): void {
    for (const number of numbers) {
      const path = `/devices/pci0000:00/0000:00:14.0/usb1/1-${ports}/1-${ports}:1.0/video4linux/video${number}`;
      const message = Buffer.from(`${action}@${path}\0ACTION=${action}\0`);
      for (const source of this.#sources) source.enqueue(message);
    }
  }
}

function numberIn(path: string): number {
  return Number(/\d+$/.exec(path)?.[0]);
}
