import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/common/clock.ts";
import { readSmallFile } from "../../src/common/files.ts";
import { CameraCatalog } from "../../src/drivers/camera/camera-catalog.ts";
import { CameraDriver } from "../../src/drivers/camera/camera-driver.ts";
import { cameraMemoryFile } from "../../src/drivers/camera/camera-memory.ts";
import type { CameraPoolSettings } from "../../src/drivers/camera/camera-settings.ts";
import type { SignalAnswer } from "../../src/drivers/camera/camera-signals.ts";
import type { linuxCameras } from "../../src/drivers/camera/linux-cameras.ts";
import type { NodeAnswer } from "../../src/drivers/camera/query-nodes.ts";
import type { ResetAnswer } from "../../src/drivers/camera/reset-answer.ts";
import { parseDevice } from "../../src/linux/device-number.ts";
import { deviceId } from "../../src/v4l2/device-ids.ts";
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

const cameraCaps = 0x0420_0001;
const metadataCaps = 0x04a0_0000;

/** A node on which USB cameras are plugged in and out: a fake /sys, plain files as device nodes, and uevents. */
export class FakeCameras {
  readonly sysfs = new FakeVideoSysfs();
  readonly #dir = mkdtempSync(join(tmpdir(), "fake-cameras-"));
  readonly deviceDir = join(this.#dir, "dev");
  readonly linkDir = join(this.#dir, "run/devices");
  readonly stateDir = join(this.#dir, "state");
  readonly #ports = new Map<string, readonly number[]>();
  readonly #sources = new Set<ReadableStreamDefaultController<Uint8Array>>();
  /** What nodes answer, by number; others answer as a webcam's do. */
  readonly answers = new Map<number, NodeAnswer>();
  /** When nodes answer. */
  answering: Promise<void> = Promise.resolve();
  /** Paths of nodes that were asked, in order. */
  readonly asked: string[] = [];
  /** What nodes answer that are asked for their inputs, by number; others have none. */
  readonly inputs = new Map<number, SignalAnswer>();
  /** Paths of nodes that were asked for them, in order. */
  readonly askedForInput: string[] = [];
  /** Paths of nodes whose controls were reset. */
  readonly resets: string[] = [];
  resetAnswer: ResetAnswer | undefined = { state: "answered", unclean: [] };

  constructor() {
    mkdirSync(this.deviceDir);
  }

  /** What a catalog and its drivers need of a machine. */
  readonly machine: ReturnType<typeof linuxCameras> = {
    query: async (paths) => {
      this.asked.push(...paths);
      await this.answering;
      return new Map(paths.map((path) => [path, this.#answer(path)]));
    },
    queryInputs: async (paths) => {
      this.askedForInput.push(...paths);
      await this.answering;
      const none: SignalAnswer = { state: "answered" };
      return new Map(paths.map((path) => [path, this.inputs.get(numberIn(path)) ?? none]));
    },
    resetControls: async (path) => {
      this.resets.push(path);
      return this.resetAnswer;
    },
    nodeNumber: (path) => (existsSync(path) ? this.#numberOf(path) : undefined),
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
    this.sysfs.addUsb(ports, serial, numbers);
    this.#ports.set(ports, numbers);
    for (const number of numbers) {
      writeFileSync(this.#path(number), "");
      chmodSync(this.#path(number), 0o660);
    }
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
    await Bun.write(this.#path(number), "");
  }

  unplug(ports: string): void {
    const numbers = this.#ports.get(ports) ?? [];
    for (const number of numbers) rmSync(this.#path(number), { force: true });
    this.sysfs.removeUsb(ports);
    this.#ports.delete(ports);
    this.#emit("remove", ports, numbers);
  }

  isPlugged(ports: string): boolean {
    return this.#ports.has(ports);
  }

  /** Removes the node of the pictures from /dev, and leaves the device. */
  removeNode(ports: string): void {
    const [number = 0] = this.#ports.get(ports) ?? [];
    rmSync(this.#path(number));
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
    const taken = new Set([...this.#ports.values()].flat());
    return Array.from({ length: 256 }, (_, number) => number)
      .filter((number) => !taken.has(number))
      .slice(0, 2);
  }

  #path(number: number): string {
    return join(this.deviceDir, deviceId(number));
  }

  #numberOf(path: string) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return parseDevice(readSmallFile(join(this.sysfs.dir, "class/video4linux", name, "dev")) ?? "");
  }

  #answer(path: string): NodeAnswer {
    const number = numberIn(path);
    const known = this.answers.get(number);
    if (known !== undefined) return known;
    const [first] = [...this.#ports.values()].find((numbers) => numbers.includes(number)) ?? [];
    const deviceCaps = first === number ? cameraCaps : metadataCaps;
    const capabilities = { driver: "uvcvideo", card: "Webcam C270", busInfo: "", version: 0 };
    return { state: "answered", capabilities: { ...capabilities, deviceCaps } };
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
