import { join } from "node:path";
import { BackgroundSave } from "../../common/background-save.ts";
import type { StateFile } from "../../common/state-file.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { identify } from "../../v4l2/identify.ts";
import { groupNodes } from "../../v4l2/physical-device.ts";
import { type PluggedNode, PluggedNodes } from "../../v4l2/plugged-nodes.ts";
import type { NodeTrouble } from "./ask-nodes.ts";
import type { RememberedCamera } from "./camera-memory.ts";
import type { CameraPlaces, CameraPoolSettings } from "./camera-settings.ts";
import { linksFor } from "./find-pool.ts";
import { describeNode, isOpenInKernel } from "./list-cameras.ts";
import {
  type CatalogNode,
  type NamedCamera,
  nameCameras,
  rememberCameras,
} from "./name-cameras.ts";
import { NodeAnswers, type NodeAnswersDeps } from "./node-answers.ts";

/** A device that is plugged in. */
export interface PluggedCamera extends NamedCamera {
  /** False if it was plugged in a moment ago, and has not answered yet. */
  readonly isKnown: boolean;
}

/**
 * One that did not answer may still hold a child process up, for 84 s on Linux up to 6.15; one that did says the same until it is
 * unplugged.
 */
const againMs = {
  ...{ answered: Number.POSITIVE_INFINITY, stuck: 100_000 },
  ...{ refused: 30_000, missing: 10_000 },
};

export interface CatalogDeps extends Omit<NodeAnswersDeps<"capabilities">, "againMs"> {
  readonly memory: Pick<StateFile<readonly RememberedCamera[]>, "load" | "save">;
}

/**
 * The real devices of the node, for all pools: which there are, what each is, its name, and the pool that has it. It reads
 * /sys, which neither opens nor wakes a device, and has each device asked once after it was plugged in.
 */
export class CameraCatalog {
  readonly #pools: readonly CameraPoolSettings[];
  readonly #places: Pick<CameraPlaces, "deviceDir" | "sysfsDir">;
  readonly #plugged: PluggedNodes;
  readonly #answers: NodeAnswers<"capabilities">;
  readonly #listeners = new Set<() => void>();
  readonly #saving: BackgroundSave;
  /** IDs of the devices that pods owned at the start. */
  readonly #allocated: ReadonlySet<string>;
  /** Paths in /sys of those; set with the first scan. */
  #owned: ReadonlySet<string> | undefined;
  /** Those of the last scan. */
  #nodes: readonly CatalogNode[] = [];
  #remembered: readonly RememberedCamera[];

  /** @param allocated IDs of the devices that pods own at the start: they are not opened. */
  constructor(
    pools: readonly CameraPoolSettings[],
    places: Pick<CameraPlaces, "deviceDir" | "sysfsDir">,
    allocated: readonly string[],
    deps: CatalogDeps,
  ) {
    const { memory, log } = deps;
    this.#pools = pools;
    this.#places = places;
    this.#allocated = new Set(allocated);
    this.#plugged = new PluggedNodes(places.sysfsDir);
    this.#answers = new NodeAnswers({ ...deps, againMs });
    this.#saving = new BackgroundSave({
      save: () => memory.save(this.#remembered),
      failed: "Names of cameras could not be saved",
      log,
    });
    const { content: cameras = [], problem } = memory.load();
    this.#remembered = cameras;
    if (problem !== undefined) {
      log.warn("Names of cameras could not be read", {
        ...problem.fields(),
        next: "devices are named as if they had never been plugged in",
      });
    }
  }

  /** Devices that were plugged in before, in this process's life or in an earlier one. */
  get remembered(): readonly RememberedCamera[] {
    return this.#remembered;
  }

  /**
   * The devices that are plugged in now. Takes some milliseconds, and opens nothing.
   *
   * @param keeps False if another process keeps the names of devices. Default true.
   */
  scan(keeps = true): readonly PluggedCamera[] {
    const nodes = this.#readNodes();
    this.#nodes = nodes;
    this.#answers.keepOnly(nodes);
    const named = nameCameras(groupNodes(nodes), {
      pools: this.#pools,
      links: linksFor(this.#pools, this.#places.deviceDir),
      remembered: this.#remembered,
    });
    const cameras = named.map((camera) => ({
      ...camera,
      isKnown: camera.nodes.every((node) => !isFree(node) || this.#answers.has(node)),
    }));
    const before = this.#remembered;
    this.#remembered = rememberCameras(cameras, before);
    if (keeps && this.#remembered !== before) this.#saving.soon();
    return cameras;
  }

  /**
   * Has those devices of the last scan asked that are free and were not asked since they were plugged in. Listeners are
   * called if any was. Never rejects.
   */
  async ask(): Promise<void> {
    const { size } = await this.#answers.ask(this.#nodes.filter(isFree));
    if (size > 0) for (const listener of [...this.#listeners]) listener();
  }

  /** True while devices are being asked, to which no further ones are added. */
  get isAsking(): boolean {
    return this.#answers.isAsking;
  }

  /** Calls `listener` when more is known of a device than before, until `signal` aborts. */
  watch(listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** The device does not answer any more: what it answered before doesn't count. */
  markTrouble({ main }: PluggedCamera, trouble: NodeTrouble): void {
    this.#answers.markTrouble(main, trouble);
  }

  /** Resolves when the last change of the names was written, or could not be. */
  saved(): Promise<void> {
    return this.#saving.saved();
  }

  #readNodes(): CatalogNode[] {
    const { deviceDir, sysfsDir } = this.#places;
    const plugged = this.#plugged.read();
    this.#owned ??= this.#pathsOfAllocated(plugged);
    const owned = this.#owned;
    return plugged.map((seen) => {
      const node = { ...seen, path: join(deviceDir, deviceId(seen.number)) };
      const answer = this.#answers.of(node);
      // A device that pods owned at the start may be theirs until it is plugged in again.
      const isOwned = owned.has(node.parent.path);
      const isOpen = answer === undefined && (isOwned || isOpenInKernel(sysfsDir, node) === true);
      return describeNode(node, answer, isOpen);
    });
  }

  /** The paths in /sys of the devices that pods owned at the start, by the names that they have then. */
  #pathsOfAllocated(nodes: readonly PluggedNode[]): ReadonlySet<string> {
    const groups = groupNodes(nodes);
    const names = identify(groups, this.#remembered);
    const owned = groups.filter((_, at) => this.#allocated.has(names[at]?.id ?? ""));
    return new Set(owned.map(({ parent }) => parent.path));
  }
}

/** True unless a process may hold the node open: only such a one is asked. */
function isFree({ state }: CatalogNode): boolean {
  return state !== "open";
}
