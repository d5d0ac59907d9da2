import { basename, dirname } from "node:path";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { fileIdentity } from "../common/unix-socket.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import {
  type ListPodResourcesResponse,
  PodResourcesLister,
} from "../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport, type SocketTransport } from "../grpc/transport.ts";
import { DeviceOwners, type Owner, type OwnerNews, type OwnerTimes } from "./device-owners.ts";
import { podDevices } from "./pod-devices.ts";

/** Longest wait for an answer, ms. */
const timeoutMs = 5000;

/** How many questions in a row may go unanswered before the last answer is no longer shown. */
const toleratedMisses = 3;

/** As long as the maintenance does not believe what a new kubelet leaves out, ms. */
const defaultRestartGraceMs = 60_000;

/** A question to the kubelet, by the name it has in the API. */
export type PodResourcesMethod = "List" | "GetAllocatableResources";

export interface PodResourcesOptions {
  /** The kubelet's pod-resources socket. */
  readonly socket: string;
  readonly resourceName: string;
  /** Between two questions, ms. */
  readonly intervalMs: number;
  /** Default 60 000, see {@link OwnerTimes}. */
  readonly restartGraceMs?: number | undefined;
}

/** Why a question was not answered: no socket, too many questions by everybody together, anything else. */
export type PodResourcesFailure = "absent" | "busy" | "failed";

/** Told of what comes of the questions. */
export interface PodResourcesObserver {
  /** A question was not answered. */
  podResourcesFailed(method: PodResourcesMethod, reason: PodResourcesFailure): void;
  /** Not called if nothing has changed, but always at the first answer. */
  ownersChanged(news: OwnerNews): void;
}

/**
 * What came of the last question who has what (`List`). A refusal for too many questions is no news until the last
 * answer is too old: the kubelet is well then, and the next round asks again.
 */
export interface PodResourcesStatus {
  readonly answers: boolean;
  /** Why it doesn't; empty if it does. */
  readonly error: string;
  /** When that was, ms since the epoch. */
  readonly at: number;
}

interface Connection {
  /** The socket's, as it was when this was made. */
  readonly identity: string;
  readonly transport: SocketTransport;
  readonly client: Client<typeof PodResourcesLister>;
}

/**
 * The kubelet's pod-resources API, asked about one resource. One connection serves all questions; it is made
 * anew after an error, and when the socket is another file: each kubelet makes its own.
 *
 * The whole socket answers 100 questions a second to everybody together, 10 at once
 * (pkg/kubelet/apis/podresources/constants.go); what is beyond is refused with ResourceExhausted.
 */
export class PodResources {
  readonly #options: PodResourcesOptions;
  readonly #clock: Clock;
  readonly #observer: PodResourcesObserver | undefined;
  readonly #owners: DeviceOwners;
  #connection: Connection | undefined;
  #kubelet: string | undefined;
  #status: PodResourcesStatus;

  constructor(options: PodResourcesOptions, clock: Clock, observer?: PodResourcesObserver) {
    this.#options = options;
    this.#clock = clock;
    this.#observer = observer;
    this.#owners = new DeviceOwners(ownerTimes(options));
    this.#status = { answers: false, error: "it has not been asked yet", at: clock.now() };
  }

  /**
   * The IDs that the kubelet could give to pods: the healthy ones, allocated or not.
   * @throws PluginError as {@link devicesOfPods}.
   */
  readonly allocatable = (signal: AbortSignal): Promise<string[]> =>
    this.#ask("GetAllocatableResources", signal, async ({ client }) => {
      const { devices } = await client.getAllocatableResources({}, { timeoutMs, signal });
      return devices.flatMap((device) => (this.#isOurs(device) ? device.deviceIds : []));
    });

  /**
   * The IDs that pods have. What only an init container asked for is not among them: the kubelet lists
   * init containers only if they keep running.
   *
   * @throws PluginError `pod_resources_absent` (no socket), `pod_resources_busy` (it is asked too much by
   * everybody together: an answer of a healthy kubelet), `pod_resources_failed`.
   */
  readonly devicesOfPods = (signal: AbortSignal): Promise<ReadonlySet<string>> =>
    this.#ask("List", signal, async ({ client }) => {
      const askedAt = this.#clock.now();
      const owners = this.#ownersIn(await client.list({}, { timeoutMs, signal }));
      const news = this.#owners.answered(owners, askedAt);
      if (news.first || news.changes.length > 0) this.#observer?.ownersChanged(news);
      return new Set(owners.keys());
    });

  /** Who has which device, by its ID, as {@link devicesOfPods} last heard; empty if that is too long ago. */
  owners(): ReadonlyMap<string, Owner> {
    return this.#owners.current(this.#clock.now());
  }

  status(): PodResourcesStatus {
    return this.#status;
  }

  /** Calls `notify` when there is another socket, until `signal` aborts: a kubelet has come back. */
  readonly watch = (notify: () => void, signal: AbortSignal): void => {
    const { socket } = this.#options;
    const returned = () => {
      const identity = fileIdentity(socket);
      if (identity !== undefined && identity !== this.#connection?.identity) notify();
    };
    const isSocket = (name: string) => name === basename(socket);
    watchDirectory(dirname(socket), isSocket, returned, signal, this.#clock);
  };

  /** Ends the connection; the next question makes another. */
  close(): void {
    this.#connection?.transport.close();
    this.#connection = undefined;
  }

  async #ask<T>(
    method: PodResourcesMethod,
    signal: AbortSignal,
    question: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    let connection: Connection | undefined;
    try {
      connection = this.#connected();
      const answer = await question(connection);
      if (method === "List") this.#status = { answers: true, error: "", at: this.#clock.now() };
      return answer;
    } catch (reason) {
      const error = podResourcesError(reason);
      // Whoever doesn't wait for the answer knows nothing of it.
      if (signal.aborted) throw error;
      if (error.code !== "pod_resources_busy" && connection === this.#connection) this.close();
      if (method === "List") this.#missed(error);
      this.#observer?.podResourcesFailed(method, failureOf(error));
      throw error;
    }
  }

  #missed({ code, message }: PluginError): void {
    const now = this.#clock.now();
    const { answers, at } = this.#status;
    const isFresh = answers && now - at <= ownerTimes(this.#options).staleMs;
    if (code === "pod_resources_busy" && isFresh) return;
    this.#status = { answers: false, error: message, at: now };
  }

  /** @throws PluginError `pod_resources_absent`. */
  #connected(): Connection {
    const { socket } = this.#options;
    const identity = fileIdentity(socket);
    if (identity === undefined) {
      throw new PluginError("pod_resources_absent", `there is no ${socket}`);
    }
    if (this.#connection?.identity === identity) return this.#connection;
    this.close();
    if (this.#kubelet !== undefined && this.#kubelet !== identity) {
      this.#owners.kubeletRestarted(this.#clock.now());
    }
    this.#kubelet = identity;
    const transport = createSocketTransport(socket);
    this.#connection = { identity, transport, client: createClient(PodResourcesLister, transport) };
    return this.#connection;
  }

  #ownersIn(answer: ListPodResourcesResponse): ReadonlyMap<string, Owner> {
    const ours = podDevices(answer).filter((device) => this.#isOurs(device));
    return new Map(
      ours.map(({ deviceId, namespace, pod, container }) => [
        deviceId,
        { namespace, pod, container },
      ]),
    );
  }

  #isOurs({ resourceName }: { readonly resourceName: string }): boolean {
    return resourceName === this.#options.resourceName;
  }
}

function ownerTimes({ intervalMs, restartGraceMs }: PodResourcesOptions): OwnerTimes {
  return {
    staleMs: toleratedMisses * intervalMs + timeoutMs,
    restartGraceMs: restartGraceMs ?? defaultRestartGraceMs,
  };
}

function failureOf({ code }: PluginError): PodResourcesFailure {
  if (code === "pod_resources_absent") return "absent";
  return code === "pod_resources_busy" ? "busy" : "failed";
}

/** Why a question was not answered: `pod_resources_busy` or `pod_resources_failed`; a PluginError as it is. */
export function podResourcesError(reason: unknown): PluginError {
  if (reason instanceof PluginError) return reason;
  const { code, rawMessage } = ConnectError.from(reason);
  const name = code === Code.ResourceExhausted ? "pod_resources_busy" : "pod_resources_failed";
  // What grpc-js ends with when the resolver has nothing to say.
  const message = rawMessage.replace(/ Resolution note: $/, "");
  return new PluginError(name, message, { cause: reason });
}
