import { NumaNodes } from "../../v4l2/numa-nodes.ts";
import type { Cleaning, DriverDevice } from "../driver.ts";
import type { PluggedCamera } from "./camera-catalog.ts";
import type { CameraLinks } from "./camera-links.ts";
import type { RememberedCamera } from "./camera-memory.ts";
import type { CameraPoolSettings } from "./camera-settings.ts";
import type { FurtherNode } from "./further-nodes.ts";

export interface ListedDevicesDeps {
  readonly clean: CameraPoolSettings["clean"];
  readonly links: Pick<CameraLinks, "path">;
  /** The further nodes that a container gets with a device. */
  readonly furtherOf: (camera: PluggedCamera) => readonly FurtherNode[];
}

/** A device, and where it is. */
interface PlacedDevice {
  readonly id: string;
  readonly number: number;
  readonly kind: unknown;
  readonly further?: readonly FurtherNode[];
  readonly numaNode?: number | undefined;
}

/** The devices that a pool lists. One that was listed once stays so, plugged in or not. */
export class ListedDevices {
  readonly #deps: ListedDevicesDeps;
  readonly #numa = new NumaNodes();
  #all: readonly DriverDevice[] = [];

  constructor(deps: ListedDevicesDeps) {
    this.#deps = deps;
  }

  /** Another array after each change. */
  get all(): readonly DriverDevice[] {
    return this.#all;
  }

  has(id: string): boolean {
    return this.#all.some((device) => device.id === id);
  }

  /** Lists devices that were plugged in before, and may be unplugged now. */
  recall(remembered: readonly RememberedCamera[]): void {
    const unlisted = remembered.filter(({ id }) => !this.has(id));
    this.#grow(unlisted.map(({ id, number, kinds }) => ({ id, number, kind: kinds[0] })));
  }

  /** Lists devices that are plugged in, and takes in where they are now. */
  take(cameras: readonly PluggedCamera[]): void {
    this.#grow(
      cameras.map((camera) => {
        const { id, main } = camera;
        const numaNode = this.#numa.of(main.parent.path);
        const further = this.#deps.furtherOf(camera);
        return { id, number: main.number, kind: main.kind, further, numaNode };
      }),
    );
  }

  /** Appends devices that were not listed yet, and takes in where the others are now. */
  #grow(found: readonly PlacedDevice[]): void {
    const now = new Map(found.map((device) => [device.id, device]));
    const before = this.#all.map((device) => {
      const there = now.get(device.id);
      if (there === undefined) return device;
      now.delete(device.id);
      const { number, further = [], numaNode } = there;
      const placed = { ...device, number, nodes: this.#nodesOf(device.id, further), numaNode };
      return Bun.deepEquals(placed, device) ? device : placed;
    });
    const added = [...now.values()].map(
      ({ id, number, kind, further = [], numaNode }): DriverDevice => ({
        ...{ id, number, numaNode, cleaning: this.#cleaningOf(kind) },
        nodes: this.#nodesOf(id, further),
      }),
    );
    const isChanged = before.some((device, at) => device !== this.#all[at]);
    if (isChanged || added.length > 0) this.#all = [...before, ...added];
  }

  #cleaningOf(kind: unknown): Cleaning {
    if (kind !== "camera") return "not_needed";
    return this.#deps.clean === "none" ? "unavailable" : "reset";
  }

  #nodesOf(id: string, further: readonly FurtherNode[]): DriverDevice["nodes"] {
    const { links } = this.#deps;
    const others = further.map(({ name, path }) => ({
      hostPath: links.path(id, name),
      containerPath: `/dev/${path}`,
    }));
    return [{ hostPath: links.path(id) }, ...others];
  }
}
