import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { PluggedNode } from "../../v4l2/plugged-nodes.ts";
import type { NodeTrouble } from "./ask-nodes.ts";
import type { NodeAnswer } from "./query-nodes.ts";

export interface NodeAnswersDeps {
  /** Asks these nodes, all free, in a process that may hang (`queryNodes`). */
  readonly query: (paths: readonly string[]) => Promise<ReadonlyMap<string, NodeAnswer>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * After which time a node is asked again, ms: one that did not answer may still hold a child process up, for 84 s on Linux
 * up to 6.15.
 */
const askAgainMs = { stuck: 100_000, refused: 30_000, missing: 10_000 } as const;

type Appearance = Pick<PluggedNode, "appearance">;

interface Asked {
  /** Undefined if no process could ask it. */
  readonly answer: NodeAnswer | undefined;
  /** ms since the epoch. */
  readonly againAt: number;
}

/** What nodes have answered. Each is asked once after it was plugged in, and again later if it gave no answer. */
export class NodeAnswers {
  readonly #deps: NodeAnswersDeps;
  readonly #asked = new Map<string, Asked>();
  readonly #listeners = new Set<() => void>();
  readonly #once = new LogOnce();
  #asking: Promise<void> | undefined;

  constructor(deps: NodeAnswersDeps) {
    this.#deps = deps;
  }

  /** What the node has answered since it was plugged in; undefined if nothing. */
  of({ appearance }: Appearance): NodeAnswer | undefined {
    return this.#asked.get(appearance)?.answer;
  }

  /** True if the node was asked since it was plugged in. */
  has({ appearance }: Appearance): boolean {
    return this.#asked.has(appearance);
  }

  /** The node does not answer any more: what it answered before doesn't count. */
  markTrouble({ appearance }: Appearance, trouble: NodeTrouble): void {
    this.#set({ appearance }, trouble);
  }

  /** Forgets the answers of all other nodes: what was unplugged is new when it comes back. */
  keepOnly(nodes: readonly Appearance[]): void {
    const present = new Set(nodes.map(({ appearance }) => appearance));
    for (const appearance of this.#asked.keys()) {
      if (!present.has(appearance)) this.#asked.delete(appearance);
    }
  }

  /**
   * Asks those of the free nodes that were not asked yet, or are to be asked again; while nodes are being asked, it asks no
   * others. Calls the listeners if any was asked. Never rejects.
   */
  ask(free: readonly (Appearance & { readonly path: string })[]): Promise<void> {
    this.#asking ??= this.#ask(free).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Calls `listener` when nodes were asked, until `signal` aborts. */
  watch(listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  async #ask(free: readonly (Appearance & { readonly path: string })[]): Promise<void> {
    const { query, clock } = this.#deps;
    const now = clock.now();
    const due = free.filter(({ appearance }) => {
      return now >= (this.#asked.get(appearance)?.againAt ?? Number.NEGATIVE_INFINITY);
    });
    if (due.length === 0) return;
    const answers = await query(due.map(({ path }) => path)).catch((reason: unknown) => {
      this.#logFailure(PluginError.from(reason));
      return new Map<string, NodeAnswer>();
    });
    for (const node of due) this.#set(node, answers.get(node.path));
    for (const listener of [...this.#listeners]) listener();
  }

  #set({ appearance }: Appearance, answer: NodeAnswer | undefined): void {
    const state = answer?.state ?? "missing";
    const afterMs = state === "answered" ? Number.POSITIVE_INFINITY : askAgainMs[state];
    this.#asked.set(appearance, { answer, againAt: this.#deps.clock.now() + afterMs });
  }

  #logFailure(error: PluginError): void {
    const level = this.#once.isNew("query", error.message) ? "warn" : "debug";
    this.#deps.log[level]("Devices could not be asked what they are", {
      ...error.fields(),
      next: "asking again; until then they are taken for what /sys shows",
    });
  }
}
