import type { PluginServer } from "./plugin-server.ts";
import type { StreamSet } from "./streams.ts";

/** One registration: a server on its own socket, and the state of the registration. Times are ms since the epoch. */
export class RegistrationSession {
  readonly server: PluginServer;
  /** Identity of the kubelet's socket when the server started, then of the socket on which Register was called. */
  kubelet: string | undefined;
  /** When the kubelet accepted Register. */
  registeredAt: number | undefined;
  /** When the first ListAndWatch stream was seen. */
  streamAt: number | undefined;
  /** True once the kubelet was found to list none of our devices. */
  notListed = false;
  #registerCalled = false;

  constructor(server: PluginServer, kubelet: string | undefined) {
    this.server = server;
    this.kubelet = kubelet;
  }

  /** Prepares for a call of Register: ends the streams there are, since they are not the kubelet's. */
  registering(kubelet: string | undefined): void {
    this.server.streams.endAll();
    this.kubelet = kubelet;
    this.#registerCalled = true;
  }

  /** The kubelet's streams: those opened since Register was called. */
  get streams(): Pick<StreamSet, "seen" | "open"> {
    return this.#registerCalled ? this.server.streams : { seen: 0, open: 0 };
  }

  /** The program that opened the kubelet's stream; undefined before that. */
  get userAgent(): string | undefined {
    return this.streams.seen > 0 ? this.server.streams.userAgent : undefined;
  }

  /** True if the kubelet accepted the registration, or opened a stream before its answer to Register came. */
  get wasRegistered(): boolean {
    return this.registeredAt !== undefined || this.streamAt !== undefined;
  }

  /** Milliseconds since the kubelet opened its first stream. */
  livedMs(now: number): number {
    return this.streamAt === undefined ? 0 : now - this.streamAt;
  }
}
