import { basename, dirname } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { LogFields, Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { PluginError } from "../common/plugin-error.ts";
import { pollUntil } from "../common/poll-until.ts";
import { fileIdentity } from "../common/unix-socket.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import { explainFailure } from "./explain-registration.ts";
import { keepsNewerInstance, letStandbyRegister } from "./hand-over.ts";
import { KubeletDirectories } from "./kubelet-directories.ts";
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
import { RegistrationSession } from "./registration-session.ts";
import {
  findStandbys,
  hiddenPath,
  instanceSocketPath,
  newSuffix,
  probeKubeletSocket,
  sweepSockets,
} from "./socket-file.ts";

export interface RegistrarOptions {
  readonly resourceName: string;
  readonly kubeletSocket: string;
  /** Each socket has this path with a suffix of its own, see {@link instanceSocketPath}. */
  readonly socketPath: string;
  /** The kubelet's pod-resources socket, whose directory may be deleted as well. */
  readonly podResourcesSocket: string;
  /** True if the kubelet has to call PreStartContainer. */
  readonly preStart: boolean;
  readonly times: RegistrationTimes;
}

export interface RegistrarDeps extends Pick<PluginServerDeps, "service" | "onDefect" | "takeOver"> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly observer: RegistrationObserver;
}

/** Receives the events of registrations. */
export interface RegistrationObserver {
  /** The kubelet accepted Register. */
  registered(): void;
  /** The kubelet rejected Register or did not answer in time, or its answer was lost. */
  registerFailed(): void;
  /** A registration has ended. */
  ended(reason: RegistrationEnd): void;
}

/** Why a registration ends: for the reconciler's reason, because the program stops, or by a defect of the registrar. */
export type RegistrationEnd = RegistrationReason | "stopping" | "failed";

/** State of the registration: `reason` and `since` as of the last decision, the rest as of now. */
export interface RegistrarStatus {
  /** True if the kubelet watches the device list; only then does it offer devices to pods. */
  readonly registered: boolean;
  /** `registered`, or what prevents it; `standby` while another instance serves. */
  readonly reason: RegistrationReason | "standby";
  /** Since when this has been the reason, ms since the epoch. */
  readonly since: number;
  /** Absolute path of the socket in service; undefined if there is none. */
  readonly socketPath: string | undefined;
  /** Number of the kubelet's open ListAndWatch streams; normally 0 or 1. */
  readonly streams: number;
}

/** How long calls in flight may go on after the end of their registration, ms. */
const closeGraceMs = 300;

/** How long after a take-over the sockets of the last instance are removed, ms. */
const sweepLaterMs = 1000;

/** Between two looks whether the kubelet has opened the stream, ms. */
const streamLookMs = 5;

/**
 * Keeps the plugin registered. A reconciler: it reads the facts, decides ({@link decide}), acts, and repeats that
 * every second. File events and stream ends only make it sooner.
 */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #deps: RegistrarDeps;
  readonly #times: RegistrationTimes;
  readonly #notify = new Notify();
  readonly #retries: RegistrationRetries;
  #prepared: PluginServer | undefined;
  #session: RegistrationSession | undefined;
  #lastStreamEnd: StreamEnd | undefined;
  #kubeletReplacedAt: number | undefined;
  #refusingSince: number | undefined;
  /** Until when the end of an instance that still serves may end this one's stream, ms since the epoch. */
  #besideUntil = 0;
  #hasSuccessor = false;
  readonly #events: RegistrationLog;
  readonly #directories: KubeletDirectories;
  #status: Pick<RegistrarStatus, "reason" | "since">;

  constructor(options: RegistrarOptions, deps: RegistrarDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#times = options.times;
    this.#retries = new RegistrationRetries({ ...deps, times: options.times });
    this.#events = new RegistrationLog(deps.log, options.kubeletSocket);
    this.#directories = new KubeletDirectories(options);
    this.#status = { reason: "kubelet_absent", since: deps.clock.now() };
  }

  status(): RegistrarStatus {
    const streams = this.#session?.streams.open ?? 0;
    const socketPath = this.#session?.server.socketPath;
    return { ...this.#status, registered: streams > 0, socketPath, streams };
  }

  /** Reports that the kubelet lists none of our devices: the registration has no effect and is replaced. */
  readonly markNotListed = (): void => {
    if (this.#session === undefined) return;
    this.#session.notListed = true;
    this.#notify.notify();
  };

  /** Reconciles now rather than at the next tick. */
  readonly reconcileSoon = (): void => this.#notify.notify();

  /**
   * Serves on a hidden socket and calls itself, so that a standby that takes over only has to rename the socket and to
   * call Register. Never rejects: a registration that can't serve says why. Stops at once if `signal` has aborted by then.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    try {
      const server = await this.#serve(hiddenPath(this.#newPath()));
      if (signal.aborted) await server.close(0);
      else this.#prepared = server;
    } catch (reason) {
      const { message } = PluginError.from(reason);
      this.#deps.log.debug("Preparation of the registration failed", { error: message });
    }
  }

  /** Stops what {@link prepare} has started, unless {@link run} has used it. */
  async discard(): Promise<void> {
    const server = this.#prepared;
    this.#prepared = undefined;
    await server?.close(0);
  }

  /**
   * Ends the need for this instance, before its stream ends: lets a standby register, if the kubelet keeps both.
   *
   * @returns true if one has registered.
   */
  async letStandbyRegister(): Promise<boolean> {
    const { socketPath, resourceName } = this.#options;
    if (!keepsNewerInstance(this.#session?.userAgent)) return false;
    const { standbyMs } = this.#times;
    this.#hasSuccessor = await letStandbyRegister(socketPath, resourceName, standbyMs);
    return this.#hasSuccessor;
  }

  /** True if a standby serves that has not registered. */
  async hasStandby(): Promise<boolean> {
    const { socketPath, resourceName } = this.#options;
    return (await findStandbys(socketPath, resourceName)).length > 0;
  }

  /** Resolves with true once the kubelet reads the list of devices, with false if it does not within `patienceMs`. */
  untilListed(patienceMs: number): Promise<boolean> {
    const polling = { pauseMs: streamLookMs, patienceMs };
    return pollUntil(() => this.status().registered, this.#deps.clock, polling);
  }

  /**
   * Runs until `signal` aborts.
   *
   * @param besideMs how long another instance may still serve. If the kubelet ends our stream together with that one's
   *   (k/k#121994), the next registration follows at once.
   * @throws PluginError `kubelet_directory_deleted` or `kubelet_directory_read_only` if only a new process can go on.
   */
  async run(signal: AbortSignal, besideMs = 0): Promise<void> {
    const { clock } = this.#deps;
    this.#besideUntil = clock.now() + besideMs;
    const directory = dirname(this.#options.kubeletSocket);
    watchDirectory(directory, () => true, this.#notify.notify, signal, clock);
    try {
      while (!signal.aborted) {
        const facts = await this.#facts();
        const action = decide(facts, this.#times);
        this.#events.decided(action, facts);
        if (action.reason !== this.#status.reason) {
          this.#status = { reason: action.reason, since: facts.now };
        }
        if (action.kind === "end") throw action.error;
        if (action.kind === "wait") await this.#notify.wait(clock, action.ms, signal);
        else await this.#act(action, signal);
      }
    } finally {
      await this.#stop(signal.aborted ? "stopping" : "failed");
    }
  }

  async #facts(): Promise<RegistrationFacts> {
    const { clock } = this.#deps;
    const { kubeletSocket } = this.#options;
    const session = this.#session;
    const { seen, open } = session?.streams ?? { seen: 0, open: 0 };
    // A registered plugin does not connect to the kubelet: that would be a connection a second for nothing.
    const kubelet: KubeletSocketState =
      open > 0 || session?.registeredAt !== undefined
        ? { state: "accepting", identity: fileIdentity(kubeletSocket) }
        : await probeKubeletSocket(kubeletSocket);
    const now = clock.now();
    const isReplaced =
      open > 0 && kubelet.identity !== undefined && kubelet.identity !== session?.kubelet;
    this.#kubeletReplacedAt = isReplaced ? (this.#kubeletReplacedAt ?? now) : undefined;
    this.#refusingSince = kubelet.state === "refusing" ? (this.#refusingSince ?? now) : undefined;
    if (session && seen > 0) session.streamAt ??= now;
    return {
      now,
      server: session?.server.state() ?? "none",
      streams: open,
      streamSeen: seen > 0,
      kubelet,
      refusingSince: this.#refusingSince,
      registeredAt: session?.registeredAt,
      lastStreamEnd: this.#lastStreamEnd,
      kubeletReplacedAt: this.#kubeletReplacedAt,
      notListed: session?.notListed ?? false,
      // A registration outlives the directories.
      lostDirectory: open > 0 ? undefined : this.#directories.loss(),
      notBefore: this.#retries.dueAt(kubelet.identity),
    };
  }

  async #act(action: RegistrationStep, signal: AbortSignal): Promise<void> {
    // Read before the step: a step that fails because the kubelet restarts is no failure at the new kubelet.
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
    const { log } = this.#deps;
    const path = this.#newPath();
    let server = await this.#takePrepared(path);
    if (server === undefined) {
      await this.#sweep();
      server = await this.#serve(path);
    } else {
      // A standby has seen the other instances end: their sockets can wait.
      const { clock } = this.#deps;
      const laterMs = Math.max(sweepLaterMs, this.#besideUntil - clock.now());
      setTimeout(() => void this.#sweep().catch(() => undefined), laterMs).unref();
    }
    this.#session = new RegistrationSession(server, kubelet);
    log.debug("Serving", { socket_path: path });
  }

  /** Removes the sockets of instances that have ended, and warns of those that serve. */
  async #sweep(): Promise<void> {
    const { log } = this.#deps;
    const { socketPath, resourceName } = this.#options;
    const { stale, live } = await sweepSockets(socketPath, resourceName);
    const others = live.filter((path) => path !== this.#session?.server.socketPath);
    if (stale.length > 0) log.info("Stale sockets removed", { socket_paths: stale });
    if (others.length > 0) {
      log.warn("Another instance is serving on this node", {
        socket_paths: others,
        detail: "the kubelet uses the instance that registered last; run one instance per node",
      });
    }
  }

  #newPath(): string {
    const { socketPath, resourceName } = this.#options;
    const suffix = newSuffix(resourceName, process.pid, this.#deps.random());
    return instanceSocketPath(socketPath, suffix);
  }

  #serve(path: string): Promise<PluginServer> {
    return PluginServer.listen(path, { ...this.#deps, onStreams: this.#notify.notify });
  }

  /**
   * The prepared server at that path; undefined if there is none, if a starting kubelet has removed its socket, or if
   * that can't be renamed.
   */
  async #takePrepared(path: string): Promise<PluginServer | undefined> {
    const server = this.#prepared;
    try {
      if (server?.state() !== "serving") return undefined;
      server.moveTo(path);
      this.#prepared = undefined;
      return server;
    } catch (reason) {
      const { message } = PluginError.from(reason);
      this.#deps.log.debug("Prepared socket could not be renamed", { error: message });
      return undefined;
    } finally {
      await this.discard();
    }
  }

  async #register(
    reason: RegistrationReason,
    kubelet: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const session = this.#session;
    if (!session) return;
    const { clock, log, observer } = this.#deps;
    const { resourceName } = this.#options;
    const { socketPath } = session.server;
    session.registering(kubelet);
    const started = performance.now();
    try {
      const endpoint = basename(socketPath);
      const timeoutMs = this.#times.registerMs;
      await callRegister({ ...this.#options, endpoint, timeoutMs }, signal);
    } catch (error) {
      // A kubelet that did not answer in time may have connected all the same: an open stream keeps the session.
      const unanswered = ConnectError.from(error).code === Code.DeadlineExceeded;
      if (!unanswered || session.streams.open === 0) {
        // Kubelets from 1.37 support one registration per socket, and this one may have made its client already: the
        // next attempt gets another socket.
        if (session.streams.seen > 0) this.#streamEnded(session);
        await this.#closeSession();
      }
      throw error;
    }
    session.registeredAt = clock.now();
    observer.registered();
    log.info("Registered with the kubelet", {
      reason,
      resource_name: resourceName,
      socket_path: socketPath,
      duration_ms: Math.round(performance.now() - started),
      next: "sending the device list to the kubelet on this socket",
    });
  }

  async #close(reason: RegistrationReason): Promise<void> {
    const session = await this.#closeSession();
    if (!session) return;
    const { clock, log } = this.#deps;
    if (!session.wasRegistered) {
      this.#retries.failedAt(session.kubelet);
      log.warn("Socket lost before registration", {
        socket_path: session.server.socketPath,
        reason,
        ...this.#retries.fields(),
      });
      return;
    }
    if (reason === "stream_ended" && clock.now() < this.#besideUntil) {
      // Once: that of the other instance. A kubelet that does it again gets the usual pause.
      this.#besideUntil = 0;
      this.#retries.proved();
      this.#ended(session, reason, "info", {
        detail: "the kubelet has ended it together with that of the last instance",
        next: "registering again at once",
      });
      return;
    }
    this.#streamEnded(session);
    if (session.livedMs(clock.now()) >= this.#times.provenMs) this.#retries.proved();
    else this.#retries.failedAt(session.kubelet);
    this.#ended(session, reason, "warn", {
      detail: "the kubelet counts the devices as unavailable until the plugin is registered again",
      next: "registering on a new socket once a kubelet answers",
    });
  }

  async #stop(reason: "stopping" | "failed"): Promise<void> {
    const session = await this.#closeSession();
    await this.discard();
    if (!session?.wasRegistered) return;
    this.#ended(session, reason, "info", {
      next: this.#hasSuccessor
        ? "the standby that has registered serves"
        : "the kubelet counts the devices as unavailable until a plugin registers again",
    });
  }

  /** Ends the session's streams and stops its server. */
  async #closeSession(): Promise<RegistrationSession | undefined> {
    const session = this.#session;
    this.#session = undefined;
    await session?.server.close(closeGraceMs);
    return session;
  }

  #streamEnded({ kubelet }: RegistrationSession): void {
    if (kubelet !== undefined) this.#lastStreamEnd = { at: this.#deps.clock.now(), kubelet };
  }

  #ended(
    session: RegistrationSession,
    reason: RegistrationEnd,
    level: "info" | "warn",
    fields: LogFields,
  ): void {
    const { clock, log, observer } = this.#deps;
    observer.ended(reason);
    const livedMs = session.livedMs(clock.now());
    log[level]("Registration ended", { reason, lived_ms: livedMs, ...fields });
  }
}
