import type { PluginServer } from "./plugin-server.ts";

/** The kubelet's streams on one server. */
export interface KubeletStreams {
  /** How many have come since Register was called. */
  readonly seen: number;
  /** How many of them are open. */
  readonly open: number;
}

/** One registration: a server on a socket of its own, and what has become of it. */
export class RegistrationSession {
  readonly server: PluginServer;
  /** Identity of the kubelet's socket: the one it is served for, from Register on the one that was called. */
  kubelet: string | undefined;
  /** When Register was accepted, ms since the epoch. */
  registeredAt: number | undefined;
  /** When the first ListAndWatch stream was seen, ms since the epoch. */
  streamAt: number | undefined;
  /** The kubelet has said that it knows none of our devices. */
  notListed = false;
  /** Streams that had come before Register was called; undefined until then. */
  #seenBefore: number | undefined;

  constructor(server: PluginServer, kubelet: string | undefined) {
    this.server = server;
    this.kubelet = kubelet;
  }

  /** Register is about to be called: streams that came before are not the kubelet's. */
  registering(kubelet: string | undefined): void {
    this.server.streams.endAll();
    this.kubelet = kubelet;
    this.#seenBefore = this.server.streams.seen;
  }

  get streams(): KubeletStreams {
    if (this.#seenBefore === undefined) return { seen: 0, open: 0 };
    const seen = this.server.streams.seen - this.#seenBefore;
    return { seen, open: seen > 0 ? this.server.streams.size : 0 };
  }

  /** Whether the kubelet has ever taken it, be it without an answer to Register. */
  get wasRegistered(): boolean {
    return this.registeredAt !== undefined || this.streamAt !== undefined;
  }

  /** How long the kubelet has listened, ms. */
  livedMs(now: number): number {
    return this.streamAt === undefined ? 0 : now - this.streamAt;
  }
}
