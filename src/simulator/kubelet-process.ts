import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Server } from "@grpc/grpc-js";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Registration } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { addService } from "../grpc/server.ts";
import { Admission } from "./admission.ts";
import type { KubeletBehaviour, KubeletFaults } from "./behaviour.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import { cleanupPluginDirectory, DeviceManager } from "./device-manager.ts";
import type { EventLog } from "./events.ts";
import { isActive, type PodRecord } from "./pod-record.ts";
import { podResourcesService } from "./pod-resources-service.ts";
import { PodWorkers } from "./pod-workers.ts";
import { RegistrationService } from "./registration-service.ts";
import { SocketServer } from "./socket-server.ts";

/** File name of both of a kubelet's sockets, each in its own directory. */
export const kubeletSocketName = "kubelet.sock";

/** What a kubelet's process needs from its node; all of it outlives the process. */
export interface KubeletProcessContext {
  readonly directory: string;
  readonly podResourcesDirectory: string;
  readonly behaviour: KubeletBehaviour;
  readonly faults: KubeletFaults;
  readonly runtime: ContainerRuntime;
  readonly events: EventLog;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly dialTimeoutMs: number;
  readonly containerRetryMs: number;
  pods(): readonly PodRecord[];
  /** Called when the process panics. */
  onDeath(reason: string): void;
}

/** One process of a kubelet, started once and stopped once. Only the checkpoint survives it. */
export class KubeletProcess {
  readonly manager: DeviceManager;
  readonly registration: RegistrationService;
  readonly workers: PodWorkers;
  readonly #context: KubeletProcessContext;
  readonly #life = new AbortController();
  readonly #servers: SocketServer[] = [];
  #registrationServer: SocketServer | undefined;

  constructor(context: KubeletProcessContext) {
    this.#context = context;
    const { directory, behaviour, runtime, events, clock, random } = context;
    const life = this.#life.signal;
    const activePods = () =>
      new Set(
        context
          .pods()
          .filter(isActive)
          .map(({ pod }) => pod.uid),
      );
    this.manager = new DeviceManager({ ...context, activePods });
    this.registration = new RegistrationService({ ...context, manager: this.manager, life });
    const running = behaviour.runningContainersReadmitted
      ? runtime.snapshot(behaviour.restartedContainersReadmitted, random)
      : () => false;
    const admission = new Admission(
      {
        manager: this.manager,
        events,
        random,
        wasRunning: running,
        deviceVanished: (id) => {
          if (!behaviour.diesOfVanishedDevice) return;
          const reason = `nil pointer dereference: device ${id} left the list during Allocate`;
          context.onDeath(reason);
          throw new Error(reason);
        },
      },
      behaviour,
    );
    this.workers = new PodWorkers({
      manager: this.manager,
      admission,
      runtime,
      events,
      clock,
      retryMs: context.containerRetryMs,
      life,
    });
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    this.manager.readCheckpoint();
  }

  /** Resolves when both sockets accept. */
  async start(): Promise<void> {
    const { directory, podResourcesDirectory, behaviour, log } = this.#context;
    const onDefect = (_: unknown, error: unknown) =>
      log.error("Handler failed", { error: String(error) });

    const podResources = new Server();
    const service = podResourcesService({ ...this.#context, manager: this.manager });
    addService(podResources, PodResourcesLister, service, onDefect);
    const podResourcesSocket = join(podResourcesDirectory, kubeletSocketName);
    await this.#listen(podResources, podResourcesSocket);

    const registration = new Server();
    addService(registration, Registration, this.registration.implementation, onDefect);
    cleanupPluginDirectory(directory, behaviour.cleanup);
    const registrationSocket = join(directory, kubeletSocketName);
    this.#registrationServer = await this.#listen(registration, registrationSocket);
  }

  /** Admits the pods of before again, once `after` resolves. */
  readmit(after?: () => Promise<unknown>): void {
    this.workers.readmit(this.#context.pods().filter(isActive), after?.());
  }

  /** Dies at once: connections break, calls under way are dropped. */
  stop(removeSockets: boolean): void {
    this.#life.abort();
    this.registration.close();
    for (const server of this.#servers) server.close(removeSockets);
  }

  /** Creates the registration socket's file again, with nothing else changed. */
  async recreateSocket(inode: "same" | "new"): Promise<void> {
    await this.#registrationServer?.recreate(inode);
  }

  async #listen(server: Server, path: string): Promise<SocketServer> {
    const listening = await SocketServer.listen(server, path);
    this.#servers.push(listening);
    if (!this.#life.signal.aborted) return listening;
    listening.close(false);
    throw new Error("the kubelet was stopped while it started");
  }
}
