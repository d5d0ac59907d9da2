import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  type CallOptions,
  Code,
  ConnectError,
  createClient,
  type ServiceImpl,
} from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { DevicePlugin, Registration } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { addService } from "../../src/grpc/server.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";

/** The answers of a {@link FakePlugin}; may change while it runs. */
export interface FakePluginBehaviour {
  resource: string;
  preStartRequired: boolean;
  preferredAvailable: boolean;
  /** IDs in GetPreferredAllocation's answer. */
  preferred: string[];
  /** Path on the host of a device. */
  hostPath(id: string): string;
  /** Awaited at the start of each Allocate; may throw. */
  onAllocate(ids: readonly string[]): Promise<void> | void;
  /** Thrown by GetDevicePluginOptions, PreStartContainer, and ListAndWatch at its start. */
  optionsError: string | undefined;
  preStartError: string | undefined;
  listError: string | undefined;
}

/** A minimal device plugin, for tests of the simulator. */
export class FakePlugin {
  readonly behaviour: FakePluginBehaviour;
  /** Every received call, in order, with its device IDs. */
  readonly calls: { method: string; ids: readonly string[] }[] = [];
  /** Number of lists sent, including those still buffered. */
  sent = 0;
  readonly #health = new Map<string, string>();
  readonly #subscribers = new Set<() => void>();
  readonly #socketPath: string;
  #server: Server | undefined;

  constructor(
    socketPath: string,
    ids: readonly string[],
    behaviour: Partial<FakePluginBehaviour> = {},
  ) {
    this.#socketPath = socketPath;
    for (const id of ids) this.#health.set(id, "Healthy");
    this.behaviour = {
      resource: "meeting-baas.io/video-devices",
      preStartRequired: false,
      preferredAvailable: false,
      preferred: [],
      hostPath: () => "/dev/null",
      onAllocate: () => undefined,
      optionsError: undefined,
      preStartError: undefined,
      listError: undefined,
      ...behaviour,
    };
  }

  /** Open ListAndWatch streams. */
  get streams(): number {
    return this.#subscribers.size;
  }

  async serve(): Promise<void> {
    rmSync(this.#socketPath, { force: true });
    const server = new Server();
    addService(server, DevicePlugin, this.#service(), () => undefined);
    await new Promise<void>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync(`unix:${this.#socketPath}`, credentials, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    this.#server = server;
  }

  /** Registers with the kubelet in the same directory. */
  async register(
    request: { version?: string; resourceName?: string } & CallOptions = {},
  ): Promise<void> {
    const { version = "v1beta1", resourceName = this.behaviour.resource, ...options } = request;
    const transport = createSocketTransport(join(dirname(this.#socketPath), "kubelet.sock"));
    try {
      await createClient(Registration, transport).register(
        { version, endpoint: basename(this.#socketPath), resourceName },
        options,
      );
    } finally {
      transport.close();
    }
  }

  /** Serves and registers. */
  async start(): Promise<void> {
    await this.serve();
    await this.register();
  }

  /** Ends like a killed process. */
  kill(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** Replaces the devices, by health. */
  list(devices: Record<string, "Healthy" | "Unhealthy">): void {
    this.#health.clear();
    for (const [id, health] of Object.entries(devices)) this.#health.set(id, health);
    for (const wake of this.#subscribers) wake();
  }

  setHealth(id: string, health: "Healthy" | "Unhealthy"): void {
    this.#health.set(id, health);
    for (const wake of this.#subscribers) wake();
  }

  callsOf(method: string): (readonly string[])[] {
    return this.calls.filter((call) => call.method === method).map(({ ids }) => ids);
  }

  #service(): ServiceImpl<typeof DevicePlugin> {
    const { behaviour, calls } = this;
    const fail = (message: string | undefined) => {
      if (message !== undefined) throw new ConnectError(message, Code.Internal);
    };
    return {
      getDevicePluginOptions: () => {
        calls.push({ method: "GetDevicePluginOptions", ids: [] });
        fail(behaviour.optionsError);
        const { preStartRequired, preferredAvailable } = behaviour;
        return { preStartRequired, getPreferredAllocationAvailable: preferredAvailable };
      },
      listAndWatch: (_, { signal }) => this.#lists(signal),
      getPreferredAllocation: ({ containerRequests }) => {
        const ids = containerRequests[0]?.availableDeviceIDs ?? [];
        calls.push({ method: "GetPreferredAllocation", ids });
        return { containerResponses: [{ deviceIDs: behaviour.preferred }] };
      },
      allocate: async ({ containerRequests }) => {
        const ids = containerRequests[0]?.devicesIds ?? [];
        calls.push({ method: "Allocate", ids });
        await behaviour.onAllocate(ids);
        const devices = ids.map((id) => ({
          hostPath: behaviour.hostPath(id),
          containerPath: `/dev/${id}`,
          permissions: "rw",
        }));
        const cdiDevices = ids.map((id) => ({ name: `meeting-baas.io/video=${id}` }));
        const paths = ids.toSorted().map((id) => `/dev/${id}`);
        const envs = { VIDEO_DEVICE: paths[0] ?? "", VIDEO_DEVICES: paths.join(",") };
        return { containerResponses: [{ envs, devices, cdiDevices }] };
      },
      preStartContainer: ({ devicesIds }) => {
        calls.push({ method: "PreStartContainer", ids: devicesIds });
        fail(behaviour.preStartError);
        return {};
      },
    };
  }

  async *#lists(signal: AbortSignal) {
    this.calls.push({ method: "ListAndWatch", ids: [] });
    if (this.behaviour.listError !== undefined) {
      throw new ConnectError(this.behaviour.listError, Code.Internal);
    }
    let changed = true;
    let wake: () => void = () => undefined;
    const subscriber = () => {
      changed = true;
      wake();
    };
    this.#subscribers.add(subscriber);
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        if (changed) {
          changed = false;
          this.sent += 1;
          yield { devices: [...this.#health].map(([ID, health]) => ({ ID, health })) };
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#subscribers.delete(subscriber);
    }
  }
}
