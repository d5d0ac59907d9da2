/** An event in a kubelet, for the demo's timeline and for tests to wait on. */
export type KubeletEvent = { readonly atMs: number } & KubeletEventDetail;

/** The kinds of event, with their facts. Resources, pods and containers appear by name. */
export type KubeletEventDetail =
  | { type: "kubelet_started"; version: string }
  /** The kubelet has admitted or failed the pods of before. */
  | { type: "sources_ready" }
  | { type: "kubelet_stopped" }
  | { type: "kubelet_died"; reason: string }
  | { type: "register_received"; resource: string; endpoint: string }
  | { type: "register_failed"; resource: string; endpoint: string; error: string }
  | { type: "registered"; resource: string; endpoint: string; preStartRequired: boolean }
  | { type: "list_received"; resource: string; endpoint: string; healthy: number; total: number }
  | { type: "stream_ended"; resource: string; endpoint: string; reason: string }
  | { type: "endpoint_stopped"; resource: string }
  | { type: "resource_expired"; resource: string }
  | {
      type: "preferred";
      pod: string;
      container: string;
      resource: string;
      deviceIds: readonly string[];
    }
  | {
      type: "allocated";
      pod: string;
      container: string;
      resource: string;
      deviceIds: readonly string[];
      tookMs: number;
    }
  | { type: "pod_admitted"; pod: string }
  /** All containers of the pod run, for the first time. */
  | { type: "pod_running"; pod: string }
  | { type: "pod_failed"; pod: string; reason: string; message: string }
  | { type: "pod_succeeded"; pod: string }
  | { type: "pod_removed"; pod: string }
  | { type: "container_started"; pod: string; container: string; containerId: string }
  | { type: "container_waiting"; pod: string; container: string; reason: string; message: string }
  | { type: "container_exited"; pod: string; container: string };

/** Passes events to its listeners. `atMs` counts from the log's creation and never goes back. */
export class EventLog {
  readonly #origin = performance.now();
  readonly #listeners = new Set<(event: KubeletEvent) => void>();

  /** Milliseconds since the log's creation. */
  elapsedMs(): number {
    return performance.now() - this.#origin;
  }

  emit(detail: KubeletEventDetail): void {
    const event: KubeletEvent = { atMs: this.elapsedMs(), ...detail };
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Calls `listener` for every event from now on, until the returned function is called. */
  listen(listener: (event: KubeletEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves once `check` returns something other than undefined or false: called now and after each event.
   * Rejects after `timeoutMs`, naming `what`.
   */
  until<T>(check: () => T, timeoutMs: number, what: string): Promise<NonNullable<T>> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        try {
          const result = check();
          if (result === undefined || result === null || result === false) return;
          finish();
          resolve(result);
        } catch (error) {
          finish();
          reject(error);
        }
      };
      const stop = this.listen(attempt);
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`${what}: not within ${timeoutMs} ms`));
      }, timeoutMs);
      const finish = () => {
        stop();
        clearTimeout(timer);
      };
      attempt();
    });
  }
}
