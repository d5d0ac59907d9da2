import type { Clock } from "../common/clock.ts";
import { type Admission, AdmissionError } from "./admission.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { DeviceManager } from "./device-manager.ts";
import type { EventLog } from "./events.ts";
import { goError } from "./go.ts";
import type { Container } from "./pod.ts";
import { isActive, type PodRecord } from "./pod-record.ts";

export interface PodWorkersContext {
  readonly manager: DeviceManager;
  readonly admission: Admission;
  readonly runtime: ContainerRuntime;
  readonly events: EventLog;
  readonly clock: Clock;
  /** Milliseconds between two tries to create a container. */
  readonly retryMs: number;
  /** Aborts when the kubelet stops; work under way then leaves no trace. */
  readonly life: AbortSignal;
}

/** Admits pods one by one (the sync loop), and starts the containers of each on its own (pod workers). */
export class PodWorkers {
  readonly #context: PodWorkersContext;
  #syncLoop: Promise<void> = Promise.resolve();
  readonly #workers = new WeakMap<PodRecord, Promise<void>>();

  constructor(context: PodWorkersContext) {
    this.#context = context;
  }

  /** Admits the predecessor's pods again once `after` resolves, then declares the sources ready. */
  readmit(records: readonly PodRecord[], after: Promise<unknown> = Promise.resolve()): void {
    this.#syncLoop = after.then(() => undefined);
    for (const record of records) this.add(record);
    this.#syncLoop = this.#syncLoop.then(() => {
      if (this.#context.life.aborted) return;
      this.#context.manager.sourcesReady = true;
      this.#context.events.emit({ type: "sources_ready" });
    });
  }

  /** Resolves after the pod's admission and the first try to start its containers, even if either failed. */
  add(record: PodRecord): Promise<void> {
    const admitted = this.#syncLoop.then(() => this.#admit(record));
    this.#syncLoop = admitted.then(() => undefined);
    return admitted.then((ok) => (ok ? this.sync(record) : undefined));
  }

  /** Starts the pod's containers that should run and do not. */
  sync(record: PodRecord): Promise<void> {
    const before = this.#workers.get(record) ?? Promise.resolve();
    const done = before.then(() => this.#sync(record));
    this.#workers.set(record, done);
    return done;
  }

  async #admit(record: PodRecord): Promise<boolean> {
    const { admission, events, runtime, life } = this.#context;
    if (life.aborted || !isActive(record)) return false;
    const { pod } = record;
    try {
      await admission.admit(pod);
    } catch (error) {
      if (life.aborted) return false;
      const { reason, message } =
        error instanceof AdmissionError ? error : new AdmissionError(error);
      runtime.exitAll(pod.uid);
      // kubelet.go, rejectPod: only the pod's status has the first three words.
      Object.assign(record, { phase: "Failed", reason, message: `Pod was rejected: ${message}` });
      events.emit({ type: "pod_failed", pod: pod.name, reason, message });
      return false;
    }
    if (life.aborted) return false;
    events.emit({ type: "pod_admitted", pod: pod.name });
    return true;
  }

  async #sync(record: PodRecord): Promise<void> {
    const { runtime, events, clock, life, retryMs } = this.#context;
    const { pod } = record;
    if (life.aborted || !isActive(record)) return;
    let complete = true;
    for (const container of pod.initContainers) {
      const ended = runtime.latest(pod.uid, container.name)?.running === false;
      if (ended && !container.restartable) continue;
      complete = await this.#ensureRunning(record, container);
      if (!complete) break;
      if (container.restartable) continue;
      runtime.exit(pod.uid, container.name);
      events.emit({ type: "container_exited", pod: pod.name, container: container.name });
    }
    if (complete) {
      for (const container of pod.containers) {
        if (!(await this.#ensureRunning(record, container))) complete = false;
      }
    }
    if (life.aborted || !isActive(record)) return;
    if (!complete) {
      clock.sleep(retryMs, life).then(() => this.sync(record));
    } else if (record.phase === "Pending") {
      record.phase = "Running";
      events.emit({ type: "pod_running", pod: pod.name });
    }
  }

  /** kuberuntime_container.go, startContainer, without the image. False if it must be retried. */
  async #ensureRunning(record: PodRecord, container: Container): Promise<boolean> {
    const { admission, runtime, events, life } = this.#context;
    const { pod, waiting } = record;
    if (runtime.isRunning(pod.uid, container.name)) return true;
    const wait = (reason: string, error: unknown) => {
      const message = goError(error);
      waiting.set(container.name, { reason, message });
      const { name } = container;
      events.emit({ type: "container_waiting", pod: pod.name, container: name, reason, message });
      return false;
    };
    const settings = await admission.settingsFor(pod, container).catch((error: unknown) => {
      if (!life.aborted) wait("CreateContainerConfigError", error);
    });
    if (settings === undefined || life.aborted || !isActive(record)) return false;
    try {
      const { id } = runtime.create(pod.uid, container.name, settings);
      waiting.delete(container.name);
      events.emit({
        type: "container_started",
        pod: pod.name,
        container: container.name,
        containerId: id,
      });
      return true;
    } catch (error) {
      return wait("CreateContainerError", error);
    }
  }
}
