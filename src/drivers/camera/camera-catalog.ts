import { join } from "node:path";
import { BackgroundSave } from "../../common/background-save.ts";
import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { StateFile } from "../../common/state-file.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { type IdentifiedDevice, identify, remember } from "../../v4l2/identify.ts";
import { groupNodes, type NodeGroup } from "../../v4l2/physical-device.ts";
import { type PluggedNode, PluggedNodes } from "../../v4l2/plugged-nodes.ts";
import type { VideoNode } from "../../v4l2/video-node.ts";
import { isSameCamera, type RememberedCamera } from "./camera-memory.ts";
import type { CameraPlaces, CameraPoolSettings } from "./camera-settings.ts";
import { linksFor, traitsOf, whyNotIn, withMemory } from "./find-pool.ts";
import { type CameraNode, describeNode, isOpenInKernel, mainNode } from "./list-cameras.ts";
import type { NodeAnswer } from "./query-nodes.ts";
import type { UdevLinks } from "./udev-links.ts";

/** A node of a device that is plugged in, and what it is. */
export type CatalogNode = CameraNode & PluggedNode;

/** A device that is plugged in. */
export interface PluggedCamera {
  readonly id: string;
  /** The pool that it belongs to; undefined if it matches none. */
  readonly pool: CameraPoolSettings | undefined;
  /** True if another device that is plugged in has the same ID. */
  readonly isAmbiguous: boolean;
  /** False if it was plugged in a moment ago, and has not answered yet. */
  readonly isKnown: boolean;
  readonly nodes: readonly CatalogNode[];
  /** The node of the pictures. */
  readonly main: CatalogNode;
}

export interface CatalogDeps {
  /** Asks these nodes, all free, in a process that may hang (`queryNodes`). */
  readonly query: (paths: readonly string[]) => Promise<ReadonlyMap<string, NodeAnswer>>;
  readonly memory: Pick<StateFile<readonly RememberedCamera[]>, "load" | "save">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * After which time a node is asked again, ms: one that did not answer may still hold a child process up, for 84 s on Linux
 * up to 6.15.
 */
const askAgainMs = { stuck: 100_000, refused: 30_000, missing: 10_000 } as const;

interface Asked {
  readonly answer: NodeAnswer | undefined;
  /** ms since the epoch. */
  readonly againAt: number;
}

/**
 * The real devices of the node, for all pools: which there are, what each is, its name, and the pool that has it. It reads
 * /sys, which neither opens nor wakes a device, and has each device asked once after it was plugged in.
 */
export class CameraCatalog {
  readonly #pools: readonly CameraPoolSettings[];
  readonly #places: Pick<CameraPlaces, "deviceDir" | "sysfsDir">;
  readonly #allocated: ReadonlySet<string>;
  readonly #deps: CatalogDeps;
  readonly #nodes: PluggedNodes;
  readonly #asked = new Map<string, Asked>();
  readonly #listeners = new Set<() => void>();
  readonly #once = new LogOnce();
  readonly #saving: BackgroundSave;
  #remembered: readonly RememberedCamera[];
  /** Paths in /sys of devices that pods owned at the start; set with the first scan. */
  #owned: ReadonlySet<string> | undefined;
  #asking: Promise<void> | undefined;

  /** @param allocated IDs of the devices that pods own at the start: they are not opened. */
  constructor(
    pools: readonly CameraPoolSettings[],
    places: Pick<CameraPlaces, "deviceDir" | "sysfsDir">,
    allocated: readonly string[],
    deps: CatalogDeps,
  ) {
    this.#pools = pools;
    this.#places = places;
    this.#allocated = new Set(allocated);
    this.#deps = deps;
    this.#nodes = new PluggedNodes(places.sysfsDir);
    const { memory, log } = deps;
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
    this.#forgetAnswers(nodes);
    const groups = groupNodes(nodes);
    const first = identify(groups, this.#remembered);
    const known = groups.map((group, at) => {
      const { place, serial } = first[at] ?? {};
      const isIt = (before: RememberedCamera) =>
        mayBe(before, group) &&
        (before.place === place || (serial !== undefined && before.serial === serial));
      return withMemory(group, this.#remembered.find(isIt));
    });
    const links = linksFor(this.#pools, this.#places.deviceDir);
    const pools = known.map((group) => this.#poolOf(group, links));
    const names = identify(
      known.map((group, at) => ({ ...group, identity: pools[at]?.identity ?? "auto" })),
      this.#remembered,
    );
    const cameras = known.flatMap(({ nodes: own }, at): PluggedCamera[] => {
      const [pool, name, main] = [pools[at], names[at], mainNode({ nodes: own }) as CatalogNode];
      if (name === undefined) return [];
      const isKnown = !own.some((node) => this.#mayAsk(node) && !this.#asked.has(node.appearance));
      const isOnly = pools.filter((other) => other === pool).length === 1;
      const isNamed = pool !== undefined && pool.deviceName !== "";
      const id = isNamed ? pool.deviceName : name.id;
      const isAmbiguous = name.isAmbiguous || (isNamed && !isOnly);
      return [{ id, pool, isAmbiguous, isKnown, nodes: own, main }];
    });
    this.#remember(cameras, names, keeps);
    return cameras;
  }

  /**
   * Has the devices asked that are free and were not asked since they were plugged in. Listeners are called if any has
   * answered. Never rejects.
   */
  ask(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Calls `listener` when more is known of a device than before, until `signal` aborts. */
  watch(listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** The device does not answer any more: what it answered before doesn't count. */
  markTrouble(
    camera: PluggedCamera,
    trouble: NodeAnswer & { readonly state: "stuck" | "refused" },
  ) {
    const againAt = this.#deps.clock.now() + askAgainMs[trouble.state];
    this.#asked.set(camera.main.appearance, { answer: trouble, againAt });
  }

  /** Resolves when the last change was written, or could not be. */
  saved(): Promise<void> {
    return this.#saving.saved();
  }

  async #askAll(): Promise<void> {
    const { query, clock, log } = this.#deps;
    const now = clock.now();
    const nodes = this.#readNodes().filter((node) => this.#mayAsk(node) && this.#isDue(node, now));
    if (nodes.length === 0) return;
    const answers = await query(nodes.map(({ path }) => path)).catch((reason: unknown) => {
      const fields = PluginError.from(reason).fields();
      const level = this.#once.isNew("query", fields["error"] as string) ? "warn" : "debug";
      log[level]("Devices could not be asked what they are", {
        ...fields,
        next: "asking again; until then they are taken for what /sys shows",
      });
      return new Map<string, NodeAnswer>();
    });
    for (const { path, appearance } of nodes) {
      const answer = answers.get(path);
      const state = answer?.state ?? "missing";
      const afterMs = state === "answered" ? Number.POSITIVE_INFINITY : askAgainMs[state];
      this.#asked.set(appearance, { answer, againAt: clock.now() + afterMs });
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #isDue({ appearance }: CatalogNode, now: number): boolean {
    return now >= (this.#asked.get(appearance)?.againAt ?? Number.NEGATIVE_INFINITY);
  }

  /** Only what is free is opened. A device that pods owned at the start may be theirs until it is plugged in again. */
  #mayAsk(node: CatalogNode): boolean {
    return node.state !== "open";
  }

  #readNodes(): CatalogNode[] {
    const { deviceDir, sysfsDir } = this.#places;
    const plugged = this.#nodes.read();
    const owned = this.#ownedParents(plugged);
    return plugged.map((seen) => {
      const node = { ...seen, path: join(deviceDir, deviceId(seen.number)) };
      const answer = this.#asked.get(node.appearance)?.answer;
      const isOwned = owned.has(node.parent.path);
      const isOpen = answer === undefined && (isOwned || isOpenInKernel(sysfsDir, node) === true);
      return describeNode(node, answer, isOpen);
    });
  }

  /** The paths in /sys of devices that pods owned at the start, by the names that they had then. */
  #ownedParents(nodes: readonly VideoNode[]): ReadonlySet<string> {
    if (this.#owned !== undefined) return this.#owned;
    const groups = groupNodes(nodes);
    const names = identify(groups, this.#remembered);
    const owned = groups.filter((_, at) => this.#allocated.has(names[at]?.id ?? ""));
    this.#owned = new Set(owned.map(({ parent }) => parent.path));
    return this.#owned;
  }

  /** What was plugged out is new when it comes back. */
  #forgetAnswers(nodes: readonly CatalogNode[]): void {
    const present = new Set(nodes.map(({ appearance }) => appearance));
    for (const appearance of this.#asked.keys()) {
      if (!present.has(appearance)) this.#asked.delete(appearance);
    }
  }

  #poolOf(group: NodeGroup<CatalogNode>, links: UdevLinks): CameraPoolSettings | undefined {
    const traits = traitsOf(group, links);
    return traits && this.#pools.find((pool) => whyNotIn(pool, traits) === undefined);
  }

  #remember(
    cameras: readonly PluggedCamera[],
    names: readonly IdentifiedDevice[],
    keeps: boolean,
  ): void {
    const before = this.#remembered;
    const known = new Set(before.map(({ id }) => id));
    const seen = cameras.flatMap((camera, at): RememberedCamera[] => {
      const { nodes, main, isKnown } = camera;
      const name = names[at];
      const kinds = nodes.flatMap(({ kind }) => kind ?? []);
      if (name === undefined || name.isAmbiguous || kinds.length < nodes.length) return [];
      // Where a known one is now counts at once: its twin may come before it has answered.
      if (!isKnown && !known.has(name.id)) return [];
      const { id, place, serial } = name;
      const { number, driver = "", card, busInfo } = main;
      return [
        {
          ...{ id, place, number, driver, card, kinds },
          ...(serial !== undefined && { serial }),
          ...(busInfo !== undefined && { busInfo }),
        },
      ];
    });
    this.#remembered = remember(seen, before, isSameCamera);
    if (keeps && this.#remembered !== before) this.#saving.soon();
  }
}

/** False if the device is another one for certain. The card of a USB camera is the name that /sys has. */
function mayBe(before: RememberedCamera, { nodes }: NodeGroup<CatalogNode>): boolean {
  const [first] = nodes;
  if (before.driver !== (first?.driver ?? "") || before.kinds.length !== nodes.length) return false;
  return before.driver !== "uvcvideo" || before.card === first?.name;
}
