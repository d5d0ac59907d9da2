import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { ErrorCode } from "../common/error-codes.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { PodDevice } from "../common/pod-device.ts";
import { deviceOfReplica } from "../common/replica-id.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import type { BytesCallOptions, BytesClient } from "../grpc/bytes-client.ts";
import { type Connection, PodResourcesConnection } from "./connection.ts";
import { DeviceOwners, type Owner, type OwnerTimes, type OwnerUpdate } from "./device-owners.ts";
import {
  type AnswerReader,
  devicesReader,
  type IsWanted,
  type ListedDevice,
  podDevicesReader,
} from "./read-answer.ts";
import { type ResourceDevice, videoIdOf } from "./video-id.ts";

/** Deadline of a call, ms. */
const timeoutMs = 5000;

/** Longest answer that is accepted, bytes. Nodes that share GPUs have some of 20 MB; kubelets send any length. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** How many calls in a row may fail before the last answer is no longer shown. */
const toleratedMisses = 3;

/** The time for which maintenance, too, doubts what a restarted kubelet leaves out, ms. */
const defaultRestartGraceMs = 60_000;

/** A method of the API. */
export type PodResourcesMethod = "List" | "GetAllocatableResources";

export interface PodResourcesOptions {
  /** The kubelet's pod-resources socket. */
  readonly socket: string;
  readonly resourceName: string;
  /** Resource names of the process's other pools, whose device IDs are known as they are. Default: none. */
  readonly otherPools?: readonly string[];
  /** Between two calls of `List`, ms. */
  readonly intervalMs: number;
  /** Default 60 000, see {@link OwnerTimes}. */
  readonly restartGraceMs?: number | undefined;
}

/**
 * Why a call failed: there is no socket, the kubelet's rate limit is used up, the answer has more than 64 MiB, or
 * anything else.
 */
export type PodResourcesFailure = "absent" | "busy" | "too_large" | "failed";

/** Receives what comes of the calls. */
export interface PodResourcesObserver {
  podResourcesFailed(method: PodResourcesMethod, reason: PodResourcesFailure): void;
  /** Called for the first answer, and for each later one that changes an owner. */
  ownersChanged(update: OwnerUpdate): void;
}

/**
 * The result of the last `List`. The kubelet's rate limit counts as a failure only once the last answer is too old:
 * the kubelet works, and the next call may succeed.
 */
export interface PodResourcesStatus {
  readonly answers: boolean;
  /** Why the API does not answer; empty if it does. */
  readonly error: string;
  /** When the call ended, ms since the epoch. */
  readonly at: number;
}

/**
 * A client of the kubelet's pod-resources API for one resource. All calls share one connection; an error replaces it.
 *
 * The kubelet allows 100 calls a second, 10 at once, for all clients together
 * (pkg/kubelet/apis/podresources/constants.go), and rejects the rest with ResourceExhausted.
 */
export class PodResources {
  readonly #options: PodResourcesOptions;
  readonly #clock: Clock;
  readonly #observer: PodResourcesObserver | undefined;
  readonly #owners: DeviceOwners;
  readonly #connection: PodResourcesConnection;
  #otherOffers: ReadonlyMap<string, readonly string[]> = new Map();
  #status: PodResourcesStatus;

  /** @param connection That of other resources, to share it. Default: one of its own. */
  constructor(
    options: PodResourcesOptions,
    clock: Clock,
    observer?: PodResourcesObserver,
    connection = new PodResourcesConnection(options.socket, clock),
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#observer = observer;
    this.#owners = new DeviceOwners(ownerTimes(options));
    this.#connection = connection;
    connection.onRestart(() => this.#owners.kubeletRestarted(clock.now()));
    this.#status = { answers: false, error: "not asked yet", at: clock.now() };
  }

  /** Video devices that the kubelet could allocate under other resource names, by these, at the last answer. */
  get otherOffers(): ReadonlyMap<string, readonly string[]> {
    return this.#otherOffers;
  }

  /**
   * IDs of the devices that the kubelet can allocate: the healthy ones, allocated or not. Those of other resources that
   * are recognised ({@link videoIdOf}) are in {@link otherOffers} then.
   * @throws PluginError as {@link podDevices}.
   */
  readonly allocatable = (signal: AbortSignal): Promise<string[]> =>
    this.#call("GetAllocatableResources", signal, async ({ client }) => {
      const devices = await askAllocatable(client, this.#isWanted, { timeoutMs, signal });
      this.#otherOffers = offersByResource(devices.filter((device) => !this.#isOurs(device)));
      const ours = devices.filter((device) => this.#isOurs(device));
      return [...new Set(ours.map(({ deviceId }) => deviceOfReplica(deviceId)))];
    });

  /**
   * The video devices that pods own, by ID: those of the client's resource, and what is recognised of other resources
   * ({@link videoIdOf}), which counts if a device is listed for both. Devices of an init container are missing: the
   * kubelet lists init containers only if they keep running.
   *
   * @throws PluginError `pod_resources_absent` (no socket), `pod_resources_busy` (the rate limit for all clients is
   * used up: the kubelet works), `pod_resources_too_large` (the answer has more than 64 MiB), `pod_resources_failed`.
   */
  readonly podDevices = (signal: AbortSignal): Promise<ReadonlyMap<string, PodDevice>> =>
    this.#call("List", signal, async ({ client }) => {
      const askedAt = this.#clock.now();
      const listed = await askPodDevices(client, this.#isWanted, { timeoutMs, signal });
      const ours = listed.filter((device) => this.#isOurs(device));
      const owners = new Map(ours.map(({ deviceId, resourceName, ...owner }) => [deviceId, owner]));
      const update = this.#owners.answered(owners, askedAt);
      if (update.first || update.changes.length > 0) this.#observer?.ownersChanged(update);
      const others = listed.filter((device) => !this.#isOurs(device));
      return new Map([
        ...ours.map((device): [string, PodDevice] => [
          deviceOfReplica(device.deviceId),
          podDevice(device),
        ]),
        ...others.flatMap((device): [string, PodDevice][] => {
          const id = this.#idOf(device);
          return id === undefined ? [] : [[id, podDevice(device, device.resourceName)]];
        }),
      ]);
    });

  /** Owners by the kubelet's device ID, that of a replica where several share a device; from the last answer to {@link podDevices}; empty if that is too old. */
  owners(): ReadonlyMap<string, Owner> {
    return this.#owners.current(this.#clock.now());
  }

  status(): PodResourcesStatus {
    return this.#status;
  }

  /** Calls `notify` when a started kubelet has created its socket, until `signal` aborts. */
  readonly watch = (notify: () => void, signal: AbortSignal): void =>
    this.#connection.watch(notify, signal);

  /** Ends the connection; the next call makes another. */
  close(): void {
    this.#connection.close();
  }

  async #call<T>(
    method: PodResourcesMethod,
    signal: AbortSignal,
    call: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    let connection: Connection | undefined;
    try {
      connection = this.#connection.connected();
      const answer = await call(connection);
      if (method === "List") this.#status = { answers: true, error: "", at: this.#clock.now() };
      return answer;
    } catch (reason) {
      const error = podResourcesError(reason);
      // A caller that has left says nothing about the kubelet.
      if (signal.aborted) throw error;
      if (!connectionWorks.has(error.code)) this.#connection.failed(connection);
      if (method === "List") this.#listFailed(error);
      this.#observer?.podResourcesFailed(method, failureOf(error));
      throw error;
    }
  }

  #listFailed({ code, message }: PluginError): void {
    const now = this.#clock.now();
    const { answers, at } = this.#status;
    const isFresh = answers && now - at <= ownerTimes(this.#options).staleMs;
    if (code === "pod_resources_busy" && isFresh) return;
    this.#status = { answers: false, error: message, at: now };
  }

  readonly #isWanted = (device: ResourceDevice): boolean =>
    this.#isOurs(device) || this.#idOf(device) !== undefined;

  /** The ID that a device of another resource has here. */
  #idOf(device: ResourceDevice): string | undefined {
    const isKnown = this.#options.otherPools?.includes(device.resourceName) === true;
    return isKnown ? deviceOfReplica(device.deviceId) : videoIdOf(device);
  }

  #isOurs({ resourceName }: { readonly resourceName: string }): boolean {
    return resourceName === this.#options.resourceName;
  }
}

/**
 * Calls `List` for the devices that are wanted.
 * @throws ConnectError
 */
export function askPodDevices(
  client: BytesClient,
  isWanted: IsWanted,
  options: Omit<BytesCallOptions, "maxBytes">,
): Promise<readonly ListedDevice[]> {
  return ask(client, PodResourcesLister.method.list, podDevicesReader(isWanted), options);
}

/**
 * Calls `GetAllocatableResources` for the devices that are wanted.
 * @throws ConnectError
 */
export function askAllocatable(
  client: BytesClient,
  isWanted: IsWanted,
  options: Omit<BytesCallOptions, "maxBytes">,
): Promise<readonly ResourceDevice[]> {
  const method = PodResourcesLister.method.getAllocatableResources;
  return ask(client, method, devicesReader(isWanted), options);
}

async function ask<T>(
  client: BytesClient,
  method: DescMethodUnary,
  reader: AnswerReader<T>,
  options: Omit<BytesCallOptions, "maxBytes">,
): Promise<readonly T[]> {
  await client.call(method, reader.push, { ...options, maxBytes: maxAnswerBytes });
  return reader.finish();
}

/** The video devices among those that the kubelet can allocate, by resource name. */
export function offersByResource(devices: readonly ResourceDevice[]): Map<string, string[]> {
  const offers = new Map<string, string[]>();
  for (const device of devices) {
    const id = videoIdOf(device);
    if (id === undefined) continue;
    offers.set(device.resourceName, [...(offers.get(device.resourceName) ?? []), id]);
  }
  return offers;
}

function podDevice({ namespace, pod }: ListedDevice, otherResource?: string): PodDevice {
  return { pod: `${namespace}/${pod}`, otherResource };
}

function ownerTimes({ intervalMs, restartGraceMs }: PodResourcesOptions): OwnerTimes {
  return {
    staleMs: toleratedMisses * intervalMs + timeoutMs,
    restartGraceMs: restartGraceMs ?? defaultRestartGraceMs,
  };
}

/** Failures of a connection that works. */
const connectionWorks: ReadonlySet<ErrorCode> = new Set([
  "pod_resources_busy",
  "pod_resources_too_large",
]);

function failureOf({ code }: PluginError): PodResourcesFailure {
  if (code === "pod_resources_absent") return "absent";
  if (code === "pod_resources_busy") return "busy";
  return code === "pod_resources_too_large" ? "too_large" : "failed";
}

/**
 * A failed call's error as `pod_resources_busy`, `pod_resources_too_large` or `pod_resources_failed`; a PluginError
 * stays as it is.
 */
export function podResourcesError(reason: unknown): PluginError {
  if (reason instanceof PluginError) return reason;
  const { code, rawMessage } = ConnectError.from(reason);
  // Long messages are refused with the code that the kubelet's rate limit has ("rejected by rate limit").
  if (code === Code.ResourceExhausted && /\blarger than\b/.test(rawMessage)) {
    // Without the size, which differs from answer to answer: it is one failure.
    const message = `the kubelet's answer has more than ${maxAnswerBytes / 1024 / 1024} MiB`;
    const remedy =
      "Find the resource with so many devices (kubectl get node NODE -o yaml, allocatable), and configure its device plugin for fewer, larger units.";
    return new PluginError("pod_resources_too_large", message, { cause: reason, remedy });
  }
  const isBusy = code === Code.ResourceExhausted;
  return new PluginError(isBusy ? "pod_resources_busy" : "pod_resources_failed", rawMessage, {
    cause: reason,
  });
}
