import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { PluggedNode } from "../../v4l2/plugged-nodes.ts";
import type { NodeTrouble } from "./ask-nodes.ts";
import type { NodeAnswer, Question } from "./questions.ts";

export interface NodeAnswersDeps<Q extends Question> {
  /** Asks these nodes, all free, in a process that may hang (`askNodes`). */
  readonly query: (paths: readonly string[]) => Promise<ReadonlyMap<string, NodeAnswer<Q>>>;
  /** After which time a node is asked again, ms; `missing`: no process could ask it. */
  readonly againMs: Readonly<Record<NodeAnswer["state"] | "missing", number>>;
  readonly clock: Clock;
  readonly log: Logger;
}

type Appearance = Pick<PluggedNode, "appearance">;

/** What nodes have answered to one question since they were plugged in, and when each is asked again. */
export class NodeAnswers<Q extends Question> {
  readonly #deps: NodeAnswersDeps<Q>;
  /** By `appearance`; `answer` is undefined if no process could ask the node, `againAt` in ms since the epoch. */
  readonly #asked = new Map<
    string,
    { readonly answer: NodeAnswer<Q> | undefined; readonly againAt: number }
  >();
  readonly #once = new LogOnce();
  #asking: Promise<unknown> | undefined;

  constructor(deps: NodeAnswersDeps<Q>) {
    this.#deps = deps;
  }

  get isAsking(): boolean {
    return this.#asking !== undefined;
  }

  /** What the node has answered; undefined if nothing. */
  of({ appearance }: Appearance): NodeAnswer<Q> | undefined {
    return this.#asked.get(appearance)?.answer;
  }

  /** True if the node was asked since it was plugged in. */
  has({ appearance }: Appearance): boolean {
    return this.#asked.has(appearance);
  }

  /** The node does not answer any more: what it answered before doesn't count. */
  markTrouble(node: Appearance, trouble: NodeTrouble): void {
    this.#set(node, trouble);
  }

  /** Forgets the answers of all other nodes: what was unplugged is new when it comes back. */
  keepOnly(nodes: readonly Appearance[]): void {
    const present = new Set(nodes.map(({ appearance }) => appearance));
    for (const appearance of this.#asked.keys()) {
      if (!present.has(appearance)) this.#asked.delete(appearance);
    }
  }

  /**
   * Asks those of the free nodes that were not asked yet, or are to be asked again; while nodes are being asked, it waits for
   * them and asks no others. Never rejects.
   *
   * @returns what the nodes have answered that were asked, by path; undefined for one that no process could ask.
   */
  async ask(
    free: readonly (Appearance & { readonly path: string })[],
  ): Promise<ReadonlyMap<string, NodeAnswer<Q> | undefined>> {
    if (this.#asking !== undefined) {
      await this.#asking;
      return new Map();
    }
    const now = this.#deps.clock.now();
    const due = free.filter(({ appearance }) => {
      return now >= (this.#asked.get(appearance)?.againAt ?? Number.NEGATIVE_INFINITY);
    });
    if (due.length === 0) return new Map();
    const asking = this.#query(due.map(({ path }) => path));
    this.#asking = asking;
    const answers = await asking;
    this.#asking = undefined;
    for (const node of due) {
      const [before, now] = [this.of(node), answers.get(node.path)];
      // What it has answered counts on if it only refuses to answer again.
      const stays = before?.state === "answered" && now?.state !== "answered";
      this.#set(node, stays ? before : now, now);
    }
    return new Map(due.map(({ path }) => [path, answers.get(path)]));
  }

  async #query(paths: readonly string[]): Promise<ReadonlyMap<string, NodeAnswer<Q>>> {
    try {
      return await this.#deps.query(paths);
    } catch (reason) {
      const error = PluginError.from(reason);
      const level = this.#once.isNew("query", error.message) ? "warn" : "debug";
      this.#deps.log[level]("Devices could not be asked", {
        ...error.fields(),
        next: "asking again; until then what /sys shows counts, and what they have answered before",
      });
      return new Map();
    }
  }

  #set({ appearance }: Appearance, answer: NodeAnswer<Q> | undefined, last = answer): void {
    const { againMs, clock } = this.#deps;
    const againAt = clock.now() + againMs[last?.state ?? "missing"];
    this.#asked.set(appearance, { answer, againAt });
  }
}
