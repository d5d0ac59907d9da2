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
  type RegistrationAction,
  type RegistrationFacts,
  type RegistrationReason,
  type RegistrationTimes,
  type StreamEnd,
} from "./registration.ts";
import { RegistrationLog } from "./registration-log.ts";
import { RegistrationRetries } from "./registration-retries.ts";
import { type KubeletStreams, RegistrationSession } from "./registration-session.ts";
import { instanceSocketPath, lookAtKubelet, newSuffix, sweepSockets } from "./socket-file.ts";

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
  readonly because: RegistrationReason;
  /** When `because` became that, ms since the epoch. */
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
  #epoch: RegistrationSession | undefined;
  #lastStreamEnd: StreamEnd | undefined;
  #kubeletReplacedAt: number | undefined;
  #refusingSince: number | undefined;
  readonly #said: RegistrationLog;
  #status: { because: RegistrationReason; since: number };

  constructor(options: RegistrarOptions, deps: RegistrarDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#times = options.times;
    this.#retries = new RegistrationRetries({ ...deps, times: options.times });
    this.#said = new RegistrationLog(deps.log, options.kubeletSocket);
    this.#status = { because: "kubelet_absent", since: deps.clock.now() };
  }

  status(): RegistrarStatus {
    const { open } = this.#streams;
    return {
      ...this.#status,
      registered: open > 0,
      socketPath: this.#epoch?.server.socketPath,
      streams: open,
    };
  }

  /** Tells that the kubelet knows none of our devices: the registration is worth nothing. */
  readonly disown = (): void => {
    if (this.#epoch === undefined) return;
    this.#epoch.notListed = true;
    this.#notify.notify();
  };

  /** Looks again now. */
  readonly lookSoon = (): void => this.#notify.notify();

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const directory = dirname(this.#options.kubeletSocket);
    watchDirectory(directory, () => true, this.#notify.notify, signal, clock);
    try {
      while (!signal.aborted) {
        const facts = await this.#look();
        const action = decide(facts, this.#times);
        this.#said.decided(action, facts);
        if (action.because !== this.#status.because) {
          this.#status = { because: action.because, since: facts.now };
        }
        if (action.kind === "wait") await this.#notify.wait(clock, action.ms, signal);
        else await this.#act(action, signal);
      }
    } finally {
      await this.#end(signal.aborted ? "stopping" : "failed");
    }
  }

  async #end(reason: RegistrationEnd): Promise<void> {
    const epoch = this.#epoch;
    this.#epoch = undefined;
    await epoch?.server.close(closeGraceMs);
    if (!epoch?.wasRegistered) return;
    const { clock, log, observer } = this.#deps;
    observer.ended(reason);
    log.info("Registration ended", {
      reason,
      lived_ms: epoch.livedMs(clock.now()),
      next: "the kubelet counts the devices as unavailable until a plugin registers again",
    });
  }

  async #look(): Promise<RegistrationFacts> {
    const { clock } = this.#deps;
    const epoch = this.#epoch;
    const { seen, open } = this.#streams;
    const settled = open > 0 || epoch?.registeredAt !== undefined;
    // While registered the kubelet is not dialled: its server would see a connection a second for nothing.
    const kubelet: KubeletSocketState = settled
      ? { state: "accepting", identity: fileIdentity(this.#options.kubeletSocket) }
      : await lookAtKubelet(this.#options.kubeletSocket);
    const now = clock.now();
    const replaced =
      open > 0 && kubelet.identity !== undefined && kubelet.identity !== epoch?.kubelet;
    this.#kubeletReplacedAt = replaced ? (this.#kubeletReplacedAt ?? now) : undefined;
    this.#refusingSince = kubelet.state === "refusing" ? (this.#refusingSince ?? now) : undefined;
    if (epoch && seen > 0) epoch.streamAt ??= now;
    return {
      now,
      server: epoch?.server.state() ?? "none",
      streams: open,
      kubelet,
      refusingSince: this.#refusingSince,
      registeredAt: epoch?.registeredAt,
      lastStreamEnd: this.#lastStreamEnd,
      streamSeen: seen > 0,
      kubeletReplacedAt: this.#kubeletReplacedAt,
      notListed: epoch?.notListed ?? false,
      notBefore: this.#retries.dueAt(kubelet.identity),
    };
  }

  get #streams(): KubeletStreams {
    return this.#epoch?.streams ?? { seen: 0, open: 0 };
  }

  async #act(action: RegistrationAction, signal: AbortSignal): Promise<void> {
    // As it is now: what fails because a new kubelet takes its place is not that one's failure.
    const kubelet = fileIdentity(this.#options.kubeletSocket);
    try {
      if (action.kind === "listen") await this.#listen(kubelet);
      else if (action.kind === "register") await this.#register(action.because, kubelet, signal);
      else if (action.kind === "close") await this.#close(action.because);
    } catch (reason) {
      if (signal.aborted) return;
      const error = ConnectError.from(reason);
      this.#retries.failedAt(kubelet);
      if (action.kind === "register") this.#deps.observer.registerFailed();
      this.#deps.log.warn("Registration failed", {
        step: action.kind,
        reason: action.because,
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
    this.#epoch = new RegistrationSession(server, kubelet);
    log.debug("Serving", { socket_path: path });
  }

  async #register(
    because: RegistrationReason,
    kubelet: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const epoch = this.#epoch;
    if (!epoch) return;
    const { clock, log, observer } = this.#deps;
    const { kubeletSocket, resourceName, preStart } = this.#options;
    epoch.registering(kubelet);
    const started = performance.now();
    try {
      await callRegister(
        {
          kubeletSocket,
          resourceName,
          preStart,
          endpoint: basename(epoch.server.socketPath),
          timeoutMs: this.#times.registerMs,
        },
        signal,
      );
    } catch (error) {
      // Only an answer that never came leaves open whether the kubelet has connected: if it has, it listens.
      const unanswered = ConnectError.from(error).code === Code.DeadlineExceeded;
      if (!unanswered || epoch.streams.open === 0) await this.#abandon(epoch);
      throw error;
    }
    epoch.registeredAt = clock.now();
    observer.registered();
    log.info("Registered with the kubelet", {
      reason: because,
      resource_name: resourceName,
      socket_path: epoch.server.socketPath,
      duration_ms: Math.round(performance.now() - started),
      next: "the kubelet listens to the list of devices on this socket",
    });
  }

  /**
   * Gives up a socket on which Register has failed: the kubelet may have a client for it all the same, and one
   * that registers twice on one socket is beyond what kubelets from 1.37 support.
   */
  async #abandon(epoch: RegistrationSession): Promise<void> {
    // Whoever has come while Register failed is not the kubelet, or no longer.
    if (epoch.streams.seen > 0) this.#streamEnded(epoch);
    this.#epoch = undefined;
    await epoch.server.close(closeGraceMs);
  }

  #streamEnded({ kubelet }: RegistrationSession): void {
    if (kubelet !== undefined) this.#lastStreamEnd = { at: this.#deps.clock.now(), kubelet };
  }

  async #close(because: RegistrationReason): Promise<void> {
    const epoch = this.#epoch;
    if (!epoch) return;
    const { clock, log, observer } = this.#deps;
    this.#epoch = undefined;
    await epoch.server.close(closeGraceMs);
    if (!epoch.wasRegistered) {
      this.#retries.failedAt(epoch.kubelet);
      log.warn("Socket was lost before it was registered", {
        socket_path: epoch.server.socketPath,
        reason: because,
        ...this.#retries.fields(),
      });
      return;
    }
    this.#streamEnded(epoch);
    const livedMs = epoch.livedMs(clock.now());
    if (livedMs >= this.#times.provenMs) this.#retries.proved();
    else this.#retries.failedAt(epoch.kubelet);
    observer.ended(because);
    log.warn("Registration ended", {
      reason: because,
      lived_ms: livedMs,
      detail: "the kubelet counts the devices as unavailable until the plugin is registered again",
      next: "a new socket is served and registered as soon as a kubelet answers",
    });
  }
}
