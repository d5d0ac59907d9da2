import { join } from "node:path";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { Logger } from "../common/logger.ts";
import { messageOf } from "../common/plugin-error.ts";
import type { RegisterRequest, Registration } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { KubeletBehaviour } from "./behaviour.ts";
import { type ClientTable, clientTable } from "./client-table.ts";
import type { DeviceManager } from "./device-manager.ts";
import { Endpoint } from "./endpoint.ts";
import type { EventLog } from "./events.ts";
import { isExtendedResourceName } from "./extended-resource-name.ts";
import type { PluginChannel } from "./plugin-channel.ts";
import { PluginClient, type PluginClientContext } from "./plugin-client.ts";

/** The only version: constants.go, SupportedVersions. */
const supportedVersion = "v1beta1";

export interface RegistrationContext extends PluginClientContext {
  /** The device-plugins directory, joined with the request's endpoint. */
  readonly directory: string;
  readonly behaviour: KubeletBehaviour;
  readonly manager: DeviceManager;
  readonly events: EventLog;
  readonly log: Logger;
  /** Aborts when the kubelet stops. */
  readonly life: AbortSignal;
}

/** The Registration service, and a client for each registration: plugin/v1beta1/server.go and handler.go. */
export class RegistrationService {
  readonly #context: RegistrationContext;
  readonly #table: ClientTable;
  /** Every client that may have a connection open, registered or not. */
  readonly #open = new Set<PluginClient>();

  constructor(context: RegistrationContext) {
    this.#context = context;
    this.#table = clientTable(context.behaviour.clientTracking);
  }

  readonly implementation: ServiceImpl<typeof Registration> = {
    register: async (request, { signal }) => {
      const { events, faults, behaviour, life } = this.#context;
      const { resourceName: resource, endpoint } = request;
      events.emit({ type: "register_received", resource, endpoint });
      if (faults.holdRegister) await aborted(AbortSignal.any([signal, life]));
      const context = behaviour.registerContextInherited ? AbortSignal.any([signal, life]) : life;
      await this.#register(request, context);
      return {};
    },
  };

  /** Clients with an open stream. */
  get streams(): { endpoint: string; resource: string; count: number }[] {
    return [...this.#open]
      .filter(({ streamCount }) => streamCount > 0)
      .map(({ endpoint, resource, streamCount }) => ({ endpoint, resource, count: streamCount }));
  }

  /** Fault: the kubelet cancels every stream. */
  dropStreams(): void {
    for (const client of this.#open) client.dropStreams();
  }

  /** Fault: a slow reader. */
  pauseStreams(paused: boolean): void {
    for (const client of this.#open) client.pauseStreams(paused);
  }

  /**
   * Fault: the result of a stream that ends in the moment of a new Register (up to 1.36): a stopped
   * endpoint, no registered client, and a new stream that stays open.
   */
  makeZombie(resource: string): void {
    this.#table.forget(resource);
    this.#context.manager.pluginDisconnected(resource);
  }

  /** Breaks all connections, as the kubelet's death does. */
  close(): void {
    for (const client of this.#open) client.close();
    this.#open.clear();
  }

  async #register(request: RegisterRequest, signal: AbortSignal): Promise<void> {
    const { events, log, faults } = this.#context;
    const { resourceName: resource, endpoint } = request;
    try {
      if (faults.refuseRegister !== undefined) throw new Error(faults.refuseRegister);
      this.#validate(request);
      await this.#connect(resource, endpoint, signal);
    } catch (error) {
      const message = messageOf(error);
      log.warn("Registration failed", { resource, endpoint, error: message });
      events.emit({ type: "register_failed", resource, endpoint, error: message });
      // Go's plain errors become UNKNOWN.
      throw new ConnectError(message, Code.Unknown);
    }
  }

  #validate({ version, resourceName }: RegisterRequest): void {
    if (version !== supportedVersion) {
      throw new Error(
        `requested API version ${JSON.stringify(version)} is not supported by kubelet. ` +
          `Supported version is ["${supportedVersion}"]`,
      );
    }
    if (!isExtendedResourceName(resourceName)) {
      throw new Error(`the ResourceName ${JSON.stringify(resourceName)} is invalid`);
    }
  }

  async #connect(resource: string, endpoint: string, signal: AbortSignal): Promise<void> {
    const { directory, manager, events, log, faults } = this.#context;
    const client = new PluginClient(resource, join(directory, endpoint), this.#context);
    this.#open.add(client);
    // Before dialling, so that a registration that fails has already replaced the older one.
    this.#table.add(client);
    const connected = await client.connect(signal).catch((error: unknown) => {
      this.#table.remove(client);
      this.#discardIfClosed(client);
      throw error;
    });
    client.registered = new Endpoint(resource, connected.channel, connected.options);
    manager.pluginConnected(client.registered);
    const { preStartRequired } = connected.options;
    log.info("Device plugin registered", { resource, endpoint });
    events.emit({ type: "registered", resource, endpoint, preStartRequired });
    if (!faults.omitListAndWatch) this.#run(client, connected.channel);
  }

  /** Not awaited: the kubelet may call ListAndWatch before it answers Register. handler.go, runClient. */
  async #run(client: PluginClient, channel: PluginChannel): Promise<void> {
    const { manager, events, log, life } = this.#context;
    const { resource, endpoint } = client;
    const reason = await client.run(channel, (devices) => {
      // Messages may still arrive after the process died.
      if (life.aborted) return;
      manager.listReceived(resource, devices);
      const healthy = manager.healthy.get(resource)?.size ?? 0;
      events.emit({ type: "list_received", resource, endpoint, healthy, total: devices.length });
    });
    if (life.aborted) return;
    log.warn("ListAndWatch ended", { resource, endpoint, error: reason });
    events.emit({ type: "stream_ended", resource, endpoint, reason });
    this.#streamEnded(client);
    this.#discardIfClosed(client);
  }

  #streamEnded(client: PluginClient): void {
    const { manager } = this.#context;
    const { resource } = client;
    const { disconnect, successor } = this.#table.streamEnded(client);
    disconnect?.close();
    if (successor?.registered !== undefined) {
      // Its list is not read again: what the kubelet received last counts, of whichever instance.
      manager.pluginConnected(successor.registered);
    } else if (disconnect !== undefined) {
      manager.pluginDisconnected(resource);
    }
  }

  #discardIfClosed(client: PluginClient): void {
    if (!client.isOpen) this.#open.delete(client);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = () => reject(new ConnectError("context canceled", Code.Canceled));
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
}
