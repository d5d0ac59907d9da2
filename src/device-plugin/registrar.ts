import { basename, dirname } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { fileIdentity } from "../common/unix-socket.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import { explainFailure } from "./explain-registration.ts";
import { PluginServer, type PluginServerDeps } from "./plugin-server.ts";
import { callRegister } from "./register-call.ts";
import {
  decide,
  type KubeletSocketState,
  type RegistrationFacts,
  type RegistrationReason,
  type RegistrationStep,
  type RegistrationTimes,
  type StreamEnd,
} from "./registration.ts";
import { RegistrationLog } from "./registration-log.ts";
import { RegistrationRetries } from "./registration-retries.ts";
import { type KubeletStreams, RegistrationSession } from "./registration-session.ts";
import { instanceSocketPath, newSuffix, probeKubeletSocket, sweepSockets } from "./socket-file.ts";

export interface RegistrarOptions {
  readonly resourceName: string;
  readonly kubeletSocket: string;
  /** Sockets are named after this path, with a suffix of the instance's own. */
  readonly socketPath: string;
  /** Whether the kubelet shall call PreStartContainer. */
  readonly preStart: boolean;
  readonly times: RegistrationTimes;
}

export interface RegistrarDeps extends Pick<PluginServerDeps, "service" | "onDefect"> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly observer: RegistrationObserver;
}

/** Told of what becomes of registrations. */
export interface RegistrationObserver {
  /** Register was accepted. */
  registered(): void;
  /** Register was refused, not answered in time, or its answer got lost. */
  registerFailed(): void;
  /** A registration is over. */
  ended(reason: RegistrationEnd): void;
}

/** Why a registration ends: the reconciler wants another one, this program stops, or the registrar has a defect. */
export type RegistrationEnd = RegistrationReason | "stopping" | "failed";

/** How the registration is, as of the last decision; `registered` and `streams` as of this moment. */
export interface RegistrarStatus {
  /** Whether the kubelet listens to the list of devices; only then does it offer any. */
  readonly registered: boolean;
  /** Why it was last decided as it was: `registered`, or what stands in the way. */
  readonly reason: RegistrationReason;
  /** When `reason` became that, ms since the epoch. */
  readonly since: number;
  /** Absolute path of the socket that is served now; undefined if none is. */
  readonly socketPath: string | undefined;
  /** The kubelet's open ListAndWatch streams; normally 0 or 1. */
  readonly streams: number;
}

/** How long calls in flight may take when a registration ends or the program stops, ms. */
const closeGraceMs = 300;

/**
 * Keeps the plugin registered: looks, decides (`decide`), acts, again and again. Every look is fresh;
 * file events and stream ends only make it come sooner.
 */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #deps: RegistrarDeps;
  readonly #times: RegistrationTimes;
  readonly #notify = new Notify();
  readonly #retries: RegistrationRetries;
  #session: RegistrationSession | undefined;
  #lastStreamEnd: StreamEnd | undefined;
  #kubeletReplacedAt: number | undefined;
  #refusingSince: number | undefined;
  readonly #events: RegistrationLog;
  #status: { reason: RegistrationReason; since: number };

  constructor(options: RegistrarOptions, deps: RegistrarDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#times = options.times;
    this.#retries = new RegistrationRetries({ ...deps, times: options.times });
    this.#events = new RegistrationLog(deps.log, options.kubeletSocket);
    this.#status = { reason: "kubelet_absent", since: deps.clock.now() };
  }

  status(): RegistrarStatus {
    const { open } = this.#streams;
    return {
      ...this.#status,
      registered: open > 0,
      socketPath: this.#session?.server.socketPath,
      streams: open,
    };
  }

  /** Reports that the kubelet lists none of our devices: the registration has no effect and is replaced. */
  readonly markNotListed = (): void => {
    if (this.#session === undefined) return;
    this.#session.notListed = true;
    this.#notify.notify();
  };

  /** Reconciles now rather than at the next tick. */
  readonly reconcileSoon = (): void => this.#notify.notify();

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const directory = dirname(this.#options.kubeletSocket);
    watchDirectory(directory, () => true, this.#notify.notify, signal, clock);
    try {
      while (!signal.aborted) {
        const facts = await this.#look();
        const action = decide(facts, this.#times);
        this.#events.decided(action, facts);
        if (action.reason !== this.#status.reason) {
          this.#status = { reason: action.reason, since: facts.now };
        }
        if (action.kind === "wait") await this.#notify.wait(clock, action.ms, signal);
        else await this.#act(action, signal);
      }
    } finally {
      await this.#end(signal.aborted ? "stopping" : "failed");
    }
  }

  async #end(reason: RegistrationEnd): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.server.close(closeGraceMs);
    if (!session?.wasRegistered) return;
    const { clock, log, observer } = this.#deps;
    observer.ended(reason);
    log.info("Registration ended", {
      reason,
      lived_ms: session.livedMs(clock.now()),
      next: "the kubelet counts the devices as unavailable until a plugin registers again",
    });
  }

  async #look(): Promise<RegistrationFacts> {
    const { clock } = this.#deps;
    const session = this.#session;
    const { seen, open } = this.#streams;
    const settled = open > 0 || session?.registeredAt !== undefined;
    // While registered the kubelet is not dialled: its server would see a connection a second for nothing.
    const kubelet: KubeletSocketState = settled
      ? { state: "accepting", identity: fileIdentity(this.#options.kubeletSocket) }
      : await probeKubeletSocket(this.#options.kubeletSocket);
    const now = clock.now();
    const replaced =
      open > 0 && kubelet.identity !== undefined && kubelet.identity !== session?.kubelet;
    this.#kubeletReplacedAt = replaced ? (this.#kubeletReplacedAt ?? now) : undefined;
    this.#refusingSince = kubelet.state === "refusing" ? (this.#refusingSince ?? now) : undefined;
    if (session && seen > 0) session.streamAt ??= now;
    return {
      now,
      server: session?.server.state() ?? "none",
      streams: open,
      kubelet,
      refusingSince: this.#refusingSince,
      registeredAt: session?.registeredAt,
      lastStreamEnd: this.#lastStreamEnd,
      streamSeen: seen > 0,
      kubeletReplacedAt: this.#kubeletReplacedAt,
      notListed: session?.notListed ?? false,
      notBefore: this.#retries.dueAt(kubelet.identity),
    };
  }

  get #streams(): KubeletStreams {
    return this.#session?.streams ?? { seen: 0, open: 0 };
  }

  async #act(action: RegistrationStep, signal: AbortSignal): Promise<void> {
    // As it is now: what fails because a new kubelet takes its place is not that one's failure.
    const kubelet = fileIdentity(this.#options.kubeletSocket);
    try {
      if (action.kind === "listen") await this.#listen(kubelet);
      else if (action.kind === "register") await this.#register(action.reason, kubelet, signal);
      else await this.#close(action.reason);
    } catch (reason) {
      if (signal.aborted) return;
      const error = ConnectError.from(reason);
      this.#retries.failedAt(kubelet);
      if (action.kind === "register") this.#deps.observer.registerFailed();
      this.#deps.log.warn("Registration failed", {
        step: action.kind,
        reason: action.reason,
        ...explainFailure(action.kind, error.rawMessage, this.#options).fields(),
        ...this.#retries.fields(),
      });
    }
  }

  async #listen(kubelet: string | undefined): Promise<void> {
    const { random, log, service, onDefect } = this.#deps;
    const path = instanceSocketPath(this.#options.socketPath, newSuffix(process.pid, random()));
    const { stale, live } = await sweepSockets(this.#options.socketPath);
    if (stale.length > 0) log.info("Stale sockets removed", { socket_paths: stale });
    if (live.length > 0) {
      log.warn("Another instance is serving on this node", {
        socket_paths: live,
        detail: "the kubelet gives the resource to whoever registers last; run one instance a node",
      });
    }
    const server = await PluginServer.listen(path, {
      service,
      onDefect,
      onStreams: this.#notify.notify,
    });
    this.#session = new RegistrationSession(server, kubelet);
    log.debug("Serving", { socket_path: path });
  }

  async #register(
    reason: RegistrationReason,
    kubelet: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const { clock, log, observer } = this.#deps;
    const { kubeletSocket, resourceName, preStart } = this.#options;
    session.registering(kubelet);
    const started = performance.now();
    try {
      await callRegister(
        {
          kubeletSocket,
          resourceName,
          preStart,
          endpoint: basename(session.server.socketPath),
          timeoutMs: this.#times.registerMs,
        },
        signal,
      );
    } catch (error) {
      // Only an answer that never came leaves open whether the kubelet has connected: if it has, it listens.
      const unanswered = ConnectError.from(error).code === Code.DeadlineExceeded;
      if (!unanswered || session.streams.open === 0) await this.#abandon(session);
      throw error;
    }
    session.registeredAt = clock.now();
    observer.registered();
    log.info("Registered with the kubelet", {
      reason,
      resource_name: resourceName,
      socket_path: session.server.socketPath,
      duration_ms: Math.round(performance.now() - started),
      next: "the kubelet listens to the list of devices on this socket",
    });
  }

  /**
   * Gives up a socket on which Register has failed: the kubelet may have a client for it all the same, and one
   * that registers twice on one socket is beyond what kubelets from 1.37 support.
   */
  async #abandon(session: RegistrationSession): Promise<void> {
    // Whoever has come while Register failed is not the kubelet, or no longer.
    if (session.streams.seen > 0) this.#streamEnded(session);
    this.#session = undefined;
    await session.server.close(closeGraceMs);
  }

  #streamEnded({ kubelet }: RegistrationSession): void {
    if (kubelet !== undefined) this.#lastStreamEnd = { at: this.#deps.clock.now(), kubelet };
  }

  async #close(reason: RegistrationReason): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const { clock, log, observer } = this.#deps;
    this.#session = undefined;
    await session.server.close(closeGraceMs);
    if (!session.wasRegistered) {
      this.#retries.failedAt(session.kubelet);
      log.warn("Socket was lost before it was registered", {
        socket_path: session.server.socketPath,
        reason,
        ...this.#retries.fields(),
      });
      return;
    }
    this.#streamEnded(session);
    const livedMs = session.livedMs(clock.now());
    if (livedMs >= this.#times.provenMs) this.#retries.proved();
    else this.#retries.failedAt(session.kubelet);
    observer.ended(reason);
    log.warn("Registration ended", {
      reason,
      lived_ms: livedMs,
      detail: "the kubelet counts the devices as unavailable until the plugin is registered again",
      next: "a new socket is served and registered as soon as a kubelet answers",
    });
  }
}
