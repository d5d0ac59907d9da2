import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import { Nudge } from "../common/nudge.ts";
import type { AllocationHistory } from "../devices/allocation-history.ts";
import type { DevicePool } from "../devices/pool.ts";
import type {
  DevicePlugin,
  DevicePluginOptionsSchema,
  ListAndWatchResponseSchema,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { Logger } from "../observe/logger.ts";
import { type Allocation, allocate, usable } from "./allocation.ts";
import { preferredDevices } from "./preferred-allocation.ts";
import type { StreamSet } from "./streams.ts";

export interface DevicePluginServiceDeps {
  readonly pool: Pick<DevicePool, "list" | "get" | "subscribe">;
  readonly history: AllocationHistory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Template of a device's path in the container, see the option `container-device-path`. */
  readonly containerDevicePath: string;
  /**
   * Makes a device ready for a container that is about to start. Given if the kubelet shall call
   * PreStartContainer; rejects if the container must not start.
   */
  readonly preStart: ((id: string) => Promise<void>) | undefined;
  /** Asks for an inspection without waiting for it. */
  readonly inspectSoon: () => void;
  readonly observer: AllocationObserver;
}

/** Told of every Allocate. */
export interface AllocationObserver {
  /** `ms`: how long the answer took. */
  allocated(devices: number, ms: number): void;
  /** `code`: the gRPC status. */
  allocationRefused(code: Code): void;
}

/** What the plugin asks of the kubelet. */
export function pluginOptions(
  preStart: boolean,
): MessageInitShape<typeof DevicePluginOptionsSchema> {
  return { preStartRequired: preStart, getPreferredAllocationAvailable: true };
}

/** How often a quiet stream compares what it sent with what is, ms. Changes nudge it long before. */
const recheckMs = 3_600_000;

/**
 * The v1beta1 device plugin service over a pool, for one server. Answers come from memory; only
 * PreStartContainer, where it is on, may take time.
 */
export function devicePluginService(
  deps: DevicePluginServiceDeps,
  streams: StreamSet,
): ServiceImpl<typeof DevicePlugin> {
  const { pool, history, clock, log } = deps;

  /** Runs `work`; a refusal is logged and the devices looked at, since the kubelet knows better. */
  function refusing<T>(method: string, ids: readonly string[], work: () => T): T {
    try {
      return work();
    } catch (reason) {
      const error = ConnectError.from(reason);
      log.warn("Allocation refused", { method, device_ids: ids, error: error.rawMessage });
      deps.observer.allocationRefused(error.code);
      deps.inspectSoon();
      throw error;
    }
  }

  return {
    getDevicePluginOptions: () => pluginOptions(deps.preStart !== undefined),

    async *listAndWatch(_request, context) {
      const stream = streams.add(context.signal);
      const changed = new Nudge();
      const unsubscribe = pool.subscribe(changed.nudge);
      let sent = "";
      try {
        while (!stream.signal.aborted) {
          const list = deviceList(pool);
          const visible = list.devices.map(({ health }) => health).join();
          if (visible !== sent) {
            sent = visible;
            log.debug("Device list sent", { health: visible });
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
        deviceIDs: preferredDevices(
          {
            available: request.availableDeviceIDs,
            mustInclude: request.mustIncludeDeviceIDs,
            size: request.allocationSize,
          },
          (id) => history.lastAllocated(id),
        ),
      })),
    }),

    allocate({ containerRequests }) {
      const started = performance.now();
      const asked = containerRequests.flatMap(({ devicesIds }) => devicesIds);
      const allocations = refusing("Allocate", asked, () =>
        containerRequests.map(({ devicesIds }) =>
          allocate(devicesIds, (id) => pool.get(id), deps.containerDevicePath),
        ),
      );
      history.record(asked, clock.now());
      deps.observer.allocated(asked.length, performance.now() - started);
      logAllocations(log, allocations);
      return { containerResponses: allocations.map(({ response }) => response) };
    },

    async preStartContainer({ devicesIds }) {
      for (const id of devicesIds) {
        const check = () => usable(id, pool.get(id));
        refusing("PreStartContainer", devicesIds, check);
        await deps.preStart?.(id);
        // It may have come to light just now that the device is broken.
        refusing("PreStartContainer", devicesIds, check);
      }
      log.info("Devices prepared for container start", { device_ids: devicesIds });
      return {};
    },
  };
}

/** The full list, as every ListAndWatch message must be. */
function deviceList(
  pool: Pick<DevicePool, "list">,
): { devices: { ID: string; health: string }[] } & MessageInitShape<
  typeof ListAndWatchResponseSchema
> {
  return { devices: pool.list().map(({ id, health }) => ({ ID: id, health })) };
}

function logAllocations(log: Logger, allocations: readonly Allocation[]): void {
  for (const { devices, response } of allocations) {
    for (const device of devices) {
      log.info("Device allocated", {
        device_id: device.id,
        device_path: device.hostPath,
        container_path: device.containerPath,
        env_var: `VIDEO_DEVICE=${response.envs?.["VIDEO_DEVICE"]}`,
      });
    }
  }
}
