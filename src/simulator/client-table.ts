import type { KubeletBehaviour } from "./behaviour.ts";
import type { PluginClient } from "./plugin-client.ts";

/** What the kubelet does when a stream ends. */
export interface StreamEnd {
  /** The client whose connection is closed. If undefined, the devices stay as they are. */
  readonly disconnect?: PluginClient;
  /** Another live instance for the resource. If undefined, its devices become unhealthy. */
  readonly successor?: PluginClient;
}

/** Which clients count as registered. The difference between kubelets: `KubeletBehaviour.clientTracking`. */
export interface ClientTable {
  add(client: PluginClient): void;
  /** A client that could not be connected. */
  remove(client: PluginClient): void;
  /** Drops a resource's client and leaves its connection open. */
  forget(resource: string): void;
  streamEnded(client: PluginClient): StreamEnd;
}

/** A table for that kind of tracking. */
export function clientTable(kind: KubeletBehaviour["clientTracking"]): ClientTable {
  return kind === "per_resource" ? new PerResource() : new PerSocket();
}

/** 1.25 to 1.36: one client for each resource, whichever stream ended. handler.go, runClient. */
class PerResource implements ClientTable {
  readonly #clients = new Map<string, PluginClient>();

  add(client: PluginClient): void {
    this.#clients.set(client.resource, client);
  }

  remove(client: PluginClient): void {
    this.#clients.delete(client.resource);
  }

  forget(resource: string): void {
    this.#clients.delete(resource);
  }

  streamEnded({ resource }: PluginClient): StreamEnd {
    const current = this.#clients.get(resource);
    if (current === undefined) return {};
    this.#clients.delete(resource);
    return { disconnect: current };
  }
}

/** From 1.37: one client for each socket (kubernetes/kubernetes#135437). */
class PerSocket implements ClientTable {
  readonly #clients = new Map<string, PluginClient>();

  add(client: PluginClient): void {
    // Deleted first, so that the newest comes last in the map.
    this.#clients.delete(client.socketPath);
    this.#clients.set(client.socketPath, client);
  }

  remove(client: PluginClient): void {
    if (this.#clients.get(client.socketPath) === client) this.#clients.delete(client.socketPath);
  }

  forget(resource: string): void {
    for (const client of this.#clients.values())
      if (client.resource === resource) this.remove(client);
  }

  streamEnded(client: PluginClient): StreamEnd {
    this.remove(client);
    const successor = [...this.#clients.values()].findLast(
      ({ resource, streamCount }) => resource === client.resource && streamCount > 0,
    );
    return { disconnect: client, ...(successor === undefined ? {} : { successor }) };
  }
}
