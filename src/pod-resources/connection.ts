import { basename, dirname } from "node:path";
import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { fileIdentity } from "../common/unix-socket.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import { BytesClient } from "../grpc/bytes-client.ts";

/** A connection to the kubelet's pod-resources socket. */
export interface Connection {
  /** Identity of the socket's file when this connection was made. */
  readonly identity: string;
  readonly client: BytesClient;
}

/**
 * The one connection of a process to the kubelet's pod-resources API, which all pools share. Another file at the
 * socket's path (each start of the kubelet creates one) replaces it.
 */
export class PodResourcesConnection {
  readonly #socket: string;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #connection: Connection | undefined;
  #kubelet: string | undefined;

  constructor(socket: string, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** @throws PluginError `pod_resources_absent` (there is no socket). */
  connected(): Connection {
    const identity = fileIdentity(this.#socket);
    if (identity === undefined) {
      throw new PluginError("pod_resources_absent", `there is no ${this.#socket}`);
    }
    if (this.#connection?.identity === identity) return this.#connection;
    this.close();
    const hasRestarted = this.#kubelet !== undefined && this.#kubelet !== identity;
    this.#kubelet = identity;
    this.#connection = { identity, client: new BytesClient(this.#socket) };
    if (hasRestarted) for (const listener of this.#listeners) listener();
    return this.#connection;
  }

  /** Ends a connection that does not work, unless another one has replaced it; the next call makes another. */
  failed(connection: Connection | undefined): void {
    if (connection === this.#connection) this.close();
  }

  /** Calls `listener` when the kubelet has restarted, before the first call to the new one. */
  onRestart(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Calls `notify` when a started kubelet has created its socket, until `signal` aborts. */
  watch(notify: () => void, signal: AbortSignal): void {
    const changed = () => {
      const identity = fileIdentity(this.#socket);
      if (identity !== undefined && identity !== this.#connection?.identity) notify();
    };
    const isSocket = (name: string) => name === basename(this.#socket);
    watchDirectory(dirname(this.#socket), isSocket, changed, signal, this.#clock);
  }

  /** Ends the connection; the next call makes another. */
  close(): void {
    this.#connection?.client.close();
    this.#connection = undefined;
  }
}
