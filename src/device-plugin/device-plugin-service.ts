import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import { type ErrorKind, errorKinds } from "../common/error-codes.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Devices } from "../devices/devices.ts";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import type {
  DevicePlugin,
  DevicePluginOptionsSchema,
  ListAndWatchResponseSchema,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { codeName } from "../grpc/server.ts";
import type { CdiWriter } from "./cdi/cdi-writer.ts";
import { type Allocation, type ContainerView, renderAllocation } from "./render-allocation.ts";
import { Replicas } from "./replicas.ts";
import type { StreamSet } from "./streams.ts";

export interface DevicePluginServiceDeps {
  readonly devices: Pick<Devices, "guard" | "inventory" | "preferred">;
  readonly clock: Clock;
  readonly log: Logger;
  /** How containers see their devices. */
  readonly view: ContainerView;
  /** How many containers may have a device at once. Default: 1. */
  readonly share?: number;
  /** True if the kubelet shall call PreStartContainer. */
  readonly preStart: boolean;
  /** Writes the file of the pool's CDI devices; undefined without CDI. */
  readonly cdi?: Pick<CdiWriter, "write"> | undefined;
  readonly observer: AllocationObserver;
}

/** Called for every Allocate. */
export interface AllocationObserver {
  /** `ms`: how long the answer took. */
  allocated(devices: number, ms: number): void;
  /** `code`: the gRPC status by name, `failed_precondition`. */
  allocationRefused(code: string): void;
}

/** What the plugin asks of the kubelet. */
export function pluginOptions(
  preStart: boolean,
): MessageInitShape<typeof DevicePluginOptionsSchema> {
  return { preStartRequired: preStart, getPreferredAllocationAvailable: true };
}

/** How often a quiet stream compares what it sent with what is, ms. Changes notify it long before. */
const recheckMs = 3_600_000;

/**
 * The v1beta1 device plugin service, for one server: it renders what the devices answer, and decides nothing. What
 * may take time is PreStartContainer, where it is on, and Allocate of a device that isn't known to be clean.
 */
export function devicePluginService(
  deps: DevicePluginServiceDeps,
  streams: StreamSet,
): ServiceImpl<typeof DevicePlugin> {
  const { devices, clock, log } = deps;
  const replicas = new Replicas(deps.share ?? 1);

  /** Runs `work`, and logs and counts its refusal. */
  async function refusing<T>(method: string, ids: readonly string[], work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (reason) {
      const error = refusal(reason);
      log.warn("Allocation refused", {
        method,
        device_ids: ids,
        reason: PluginError.from(reason).code,
        error: error.rawMessage,
        next: "the pod is not admitted, or its container not started; inspecting the devices",
      });
      deps.observer.allocationRefused(codeName(error.code));
      throw error;
    }
  }

  return {
    getDevicePluginOptions: () => pluginOptions(deps.preStart),

    async *listAndWatch(_request, context) {
      const { inventory } = devices;
      const stream = streams.add(context.signal, context.requestHeader?.get("user-agent"));
      const changed = new Notify();
      const unsubscribe = inventory.subscribe(changed.notify);
      // The first list is sent even if it is empty: the kubelet may still have the devices of an earlier process.
      let sent: string | undefined;
      try {
        while (!stream.signal.aborted) {
          const list = deviceList(inventory, replicas);
          const visible = list.devices.map(visibleOf).join();
          if (visible !== sent) {
            sent = visible;
            const healthy = list.devices.filter(({ health }) => health === "Healthy");
            log.debug("Device list sent", {
              devices: list.devices.length,
              healthy: healthy.length,
              healthy_device_ids: healthy.map(({ ID }) => ID),
            });
            yield list;
          } else {
            await changed.wait(clock, recheckMs, stream.signal);
          }
        }
      } finally {
        unsubscribe();
        stream.done();
      }
    },

    getPreferredAllocation: ({ containerRequests }) => ({
      containerResponses: containerRequests.map((request) => ({
        deviceIDs: replicas.preferred(
          {
            available: request.availableDeviceIDs,
            mustInclude: request.mustIncludeDeviceIDs,
            size: request.allocationSize,
          },
          (question) => devices.preferred(question),
        ),
      })),
    }),

    async allocate({ containerRequests }) {
      const started = performance.now();
      const requested = replicas.devices(containerRequests.flatMap(({ devicesIds }) => devicesIds));
      const allocated = await refusing("Allocate", requested, devices.guard.allocate(requested));
      const cdiNames = await deps.cdi?.write(allocated);
      deps.observer.allocated(requested.length, performance.now() - started);
      const allocations = containerRequests.map(({ devicesIds }) => {
        const ids = replicas.devices(devicesIds);
        return renderAllocation(
          allocated.filter(({ id }) => ids.includes(id)),
          deps.view,
          cdiNames,
        );
      });
      logAllocations(log, allocations, deps.view.variable);
      return { containerResponses: allocations.map(({ response }) => response) };
    },

    async preStartContainer(request) {
      const devicesIds = replicas.devices(request.devicesIds);
      await refusing("PreStartContainer", devicesIds, devices.guard.prepare(devicesIds));
      log.info("Devices prepared for container start", {
        device_ids: devicesIds,
        reason: "pre_start_container",
        next: "the kubelet starts the container",
      });
      return {};
    },
  };
}

/** What the kubelet gets as the answer. */
function refusal(reason: unknown): ConnectError {
  if (!(reason instanceof PluginError)) return ConnectError.from(reason);
  // The kubelet's own sentence continues it: `desc = …, which is unexpected`.
  const message = reason.message.replace(/\.$/, "");
  return new ConnectError(message, codes[errorKinds[reason.code]], undefined, undefined, reason);
}

/** gRPC code of each kind of error. The kubelet rejects the pod for any; the codes are for its events and our metrics. */
const codes: Readonly<Record<ErrorKind, Code>> = {
  not_found: Code.NotFound,
  timeout: Code.Unavailable,
  conflict: Code.FailedPrecondition,
  internal: Code.FailedPrecondition,
  invalid: Code.FailedPrecondition,
  unsupported: Code.FailedPrecondition,
  exhausted: Code.FailedPrecondition,
};

/** The full list, as every ListAndWatch message must be. */
function deviceList(
  inventory: Pick<Inventory, "list">,
  replicas: Replicas,
): { devices: ListedDevice[] } & MessageInitShape<typeof ListAndWatchResponseSchema> {
  const listed = ({ id, health, numaNode }: DeviceStatus): ListedDevice[] => {
    // The kubelet's topology manager takes a device without it for one that is equally near to all CPUs.
    const topology = numaNode !== undefined && { topology: { nodes: [{ ID: BigInt(numaNode) }] } };
    return replicas.of(id).map((ID) => ({ ID, health, ...topology }));
  };
  return { devices: inventory.list().flatMap(listed) };
}

interface ListedDevice {
  readonly ID: string;
  readonly health: string;
  readonly topology?: { readonly nodes: { readonly ID: bigint }[] };
}

/** What a new list is sent for, beside further devices. */
function visibleOf({ health, topology }: ListedDevice): string {
  return `${health}${topology?.nodes[0]?.ID ?? ""}`;
}

function logAllocations(log: Logger, allocations: readonly Allocation[], variable: string): void {
  for (const { devices, response } of allocations) {
    for (const device of devices) {
      log.info("Device allocated", {
        device_id: device.id,
        device_path: device.nodes[0].hostPath,
        container_path: device.containerPath,
        ...(device.feedPath === undefined ? {} : { feed_path: device.feedPath }),
        env_var: `${variable}=${response.envs?.[variable]}`,
        reason: "asked_for_by_kubelet",
        next: "the device is its pod's until the kubelet no longer lists it",
      });
    }
  }
}
