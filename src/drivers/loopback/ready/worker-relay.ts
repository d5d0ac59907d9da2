import { closeSync, existsSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { backoffDelay } from "../../../common/backoff.ts";
import { type Clock, systemClock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { messageOf } from "../../../common/plugin-error.ts";
import { pollCalls } from "../../../linux/poll-calls.ts";
import type { CameraRelay, RelayReport } from "../../driver.ts";
import { diffFrames } from "./frame-patch.ts";
import type { Relay, RelayEvent, RelayedPair } from "./relay.ts";
import { RelayCounters } from "./relay-counters.ts";
import type { LoopPair, LoopSettings, PlaceholderParts } from "./relay-loop.ts";
import type { FromThread, ThreadData, ToThread } from "./relay-messages.ts";

/** What a {@link WorkerRelay} needs. */
export interface WorkerRelayDeps {
  readonly log: Logger;
  readonly onEvent: (event: RelayEvent) => void;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: a Worker that runs `relay-thread.ts`. */
  readonly startWorker?: (data: ThreadData) => Worker;
}

const thread = "drivers/loopback/ready/relay-thread";

/** An executable has the Worker's code below its entry points' common directory: `src`, or above it in the tests. */
function threadPath(): string | URL {
  if (!Bun.isStandaloneExecutable) return new URL("./relay-thread.ts", import.meta.url);
  const paths = [`/$bunfs/root/${thread}.js`, `/$bunfs/root/src/${thread}.js`];
  return paths.find((path) => existsSync(path)) ?? paths.join(" or ");
}

/** Starts the thread that copies the frames. */
export function startWorker(data: ThreadData): Worker {
  return new Worker(threadPath(), { workerData: data });
}

/** A Worker that ends sooner after its start, ms, than that is started again with a backoff. */
const steadyMs = 10_000;
const backoff = { initialMs: 100, maxMs: 5000 } as const;

/** Time between two looks at the loop's turns, ms, and how long it may stand still. A poll takes a second at most. */
const lookMs = 1000;
const hungMs = 10_000;

/** One is added to the eventfd's count: a u64. */
const one = new Uint8Array(BigUint64Array.of(1n).buffer);

/** A {@link Relay} in a Worker, which starts with the first pair at the latest. */
export class WorkerRelay implements Relay {
  readonly #settings: LoopSettings;
  readonly #log: Logger;
  readonly #onEvent: (event: RelayEvent) => void;
  readonly #clock: Clock;
  readonly #startWorker: (data: ThreadData) => Worker;
  readonly #memory = RelayCounters.memory();
  readonly #counters = new RelayCounters(this.#memory);
  /** Place of a camera's counts, also after it was removed. */
  readonly #slots = new Map<string, number>();
  readonly #pairs = new Map<string, LoopPair>();
  /** By bytes of a frame: the first placeholder of that length. */
  readonly #bases = new Map<number, Uint8Array>();
  readonly #closing = new AbortController();
  #wake: number | undefined;
  #worker: Worker | undefined;
  /** Settles when the Worker has ended; undefined if there is none. */
  #ended: Promise<void> | undefined;
  /** By number of the message: what waits for the Worker to let a pair go. */
  readonly #removals = new Map<number, () => void>();
  #lastNumber = 0;
  #restarts = 0;
  /** How many Workers in a row ended soon. */
  #failures = 0;
  #isHung = false;

  constructor(settings: LoopSettings, deps: WorkerRelayDeps) {
    this.#settings = settings;
    this.#log = deps.log;
    this.#onEvent = deps.onEvent;
    this.#clock = deps.clock ?? systemClock;
    this.#startWorker = deps.startWorker ?? startWorker;
  }

  start(): void {
    if (this.#wake === undefined) this.#open();
  }

  add({ placeholder, ...pair }: RelayedPair): void {
    const slot = this.#slots.get(pair.id) ?? this.#slots.size;
    this.#slots.set(pair.id, slot);
    this.#counters.setShowsApplication(slot, false);
    const added = { ...pair, slot, placeholder: this.#parts(placeholder) };
    this.#pairs.set(pair.id, added);
    if (this.#wake === undefined) this.#open();
    else this.#send({ kind: "add", pair: added });
  }

  async remove(id: string): Promise<void> {
    if (!this.#pairs.delete(id) || this.#worker === undefined) return;
    const number = ++this.#lastNumber;
    const removed = new Promise<void>((resolve) => this.#removals.set(number, resolve));
    this.#send({ kind: "remove", id, number });
    await removed;
  }

  setPlaceholder(id: string, frame: Uint8Array): void {
    const pair = this.#pairs.get(id);
    if (pair === undefined) return;
    const placeholder = this.#parts(frame);
    this.#pairs.set(id, { ...pair, placeholder });
    this.#send({ kind: "placeholder", id, placeholder });
  }

  report(): RelayReport {
    const cameras = new Map<string, CameraRelay>();
    for (const [id, { slot }] of this.#pairs) cameras.set(id, this.#counters.camera(slot));
    return {
      isRunning: this.#worker !== undefined && !this.#isHung,
      restarts: this.#restarts,
      cpuSeconds: this.#counters.cpuSeconds,
      cameras,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#pairs.clear();
    this.#end();
    await this.#ended;
    if (this.#wake !== undefined) closeSync(this.#wake);
    this.#wake = undefined;
  }

  /** The frame as its difference from the first one, in memory that the Worker shares. */
  #parts(frame: Uint8Array): PlaceholderParts {
    let base = this.#bases.get(frame.length);
    if (base === undefined) {
      base = new Uint8Array(new SharedArrayBuffer(frame.length));
      base.set(frame);
      this.#bases.set(frame.length, base);
    }
    return { base, patch: diffFrames(base, frame) };
  }

  #open(): void {
    if (this.#closing.signal.aborted) return;
    this.#wake = pollCalls().openEventFd();
    this.#start(this.#wake);
    void this.#watchTurns();
  }

  #start(wake: number): void {
    const started = this.#clock.now();
    const data: ThreadData = { settings: this.#settings, counters: this.#memory, wake };
    const worker = this.#startWorker(data);
    this.#worker = worker;
    this.#isHung = false;
    let reason = "";
    worker.on("message", (message: FromThread) => this.#receive(message));
    worker.on("error", (error: unknown) => {
      reason = messageOf(error);
    });
    this.#ended = new Promise((resolve) => {
      worker.on("exit", () => {
        this.#worker = undefined;
        for (const removed of this.#removals.values()) removed();
        this.#removals.clear();
        resolve();
        void this.#startAgain(wake, started, reason);
      });
    });
    worker.unref();
    for (const pair of this.#pairs.values()) this.#send({ kind: "add", pair });
  }

  async #startAgain(wake: number, started: number, reason: string): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#failures = this.#clock.now() - started < steadyMs ? this.#failures + 1 : 0;
    this.#restarts++;
    this.#log.error("Relay ended", {
      ...(reason === "" ? {} : { reason }),
      restarts: this.#restarts,
      next: "starting it again",
    });
    await this.#clock.sleep(backoffDelay(this.#failures, backoff, Math.random()), signal);
    if (!signal.aborted) this.#start(wake);
  }

  /** A hung Worker is ended, and its `exit` starts the next one: two must not read one feed. */
  async #watchTurns(): Promise<void> {
    const { signal } = this.#closing;
    let turns = -1;
    let changed = this.#clock.now();
    while (!signal.aborted) {
      await this.#clock.sleep(lookMs, signal);
      if (this.#counters.turns !== turns || this.#worker === undefined) {
        turns = this.#counters.turns;
        changed = this.#clock.now();
      } else if (this.#clock.now() - changed >= hungMs && !this.#isHung) {
        this.#isHung = true;
        this.#log.error("Relay hangs", { seconds: hungMs / 1000, next: "ending it" });
        this.#end();
      }
    }
  }

  #receive(message: FromThread): void {
    if (message.kind === "event") {
      // An event of a pair that was removed meanwhile.
      if (this.#pairs.has(message.event.id)) this.#onEvent(message.event);
      return;
    }
    this.#removals.get(message.number)?.();
    this.#removals.delete(message.number);
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
    this.#wakeUp();
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#wakeUp();
  }

  #wakeUp(): void {
    if (this.#wake !== undefined) writeSync(this.#wake, one);
  }
}
