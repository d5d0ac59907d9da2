import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { asClause } from "../common/clause.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import type { AllocationHistory } from "../devices/usage/allocation-history.ts";
import type {
  DevicePlugin,
  DevicePluginOptionsSchema,
  ListAndWatchResponseSchema,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { type Allocation, allocate, startable, usable } from "./allocation.ts";
import { preferredDevices } from "./preferred-allocation.ts";
import type { StreamSet } from "./streams.ts";

export interface DevicePluginServiceDeps {
  readonly pool: Pick<Inventory, "list" | "get" | "subscribe">;
  readonly history: AllocationHistory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Template of a device's path in the container, see the option `container-device-path`. */
  readonly containerDevicePath: string;
  /**
   * Gives devices away: calls `give` once they may be, and rejects if they must not be. They are given if `give`
   * returns. Known-clean devices take no time.
   */
  readonly claim: <T>(ids: readonly string[], give: () => T) => Promise<T>;
  /**
   * Makes devices ready for a container that is about to start. Given if the kubelet shall call
   * PreStartContainer; rejects if the container must not start.
   */
  readonly preStart: ((ids: readonly string[]) => Promise<void>) | undefined;
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

/** How often a quiet stream compares what it sent with what is, ms. Changes notify it long before. */
const recheckMs = 3_600_000;

/**
 * The v1beta1 device plugin service over a pool, for one server. Answers come from memory; what may take
 * time is PreStartContainer, where it is on, and Allocate of a device that isn't known to be clean.
 */
export function devicePluginService(
  deps: DevicePluginServiceDeps,
  streams: StreamSet,
): ServiceImpl<typeof DevicePlugin> {
  const { pool, history, clock, log } = deps;

  /** Runs `work`; a refusal is logged and the devices looked at, since the kubelet knows better. */
  async function refusing<T>(
    method: string,
    ids: readonly string[],
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      const error = refusal(reason);
      log.warn("Allocation refused", {
        method,
        device_ids: ids,
        reason: PluginError.from(reason).code,
        error: error.rawMessage,
        next: "the pod is not admitted or its container not started; the devices are looked at now",
      });
      deps.observer.allocationRefused(error.code);
      deps.inspectSoon();
      throw error;
    }
  }

  return {
    getDevicePluginOptions: () => pluginOptions(deps.preStart !== undefined),

    async *listAndWatch(_request, context) {
      const stream = streams.add(context.signal);
      const changed = new Notify();
      const unsubscribe = pool.subscribe(changed.notify);
      let sent = "";
      try {
        while (!stream.signal.aborted) {
          const list = deviceList(pool);
          const visible = list.devices.map(({ health }) => health).join();
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

    async allocate({ containerRequests }) {
      const started = performance.now();
      const asked = containerRequests.flatMap(({ devicesIds }) => devicesIds);
      const allocations = await refusing("Allocate", asked, async () => {
        for (const id of asked) usable(id, pool.get(id));
        // Even if it is refused: the next pod shall be sent to another one.
        history.record(asked, clock.now());
        return deps.claim(asked, () =>
          containerRequests.map(({ devicesIds }) =>
            allocate(devicesIds, (id) => pool.get(id), deps.containerDevicePath),
          ),
        );
      });
      deps.observer.allocated(asked.length, performance.now() - started);
      logAllocations(log, allocations);
      return { containerResponses: allocations.map(({ response }) => response) };
    },

    async preStartContainer({ devicesIds }) {
      await refusing("PreStartContainer", devicesIds, async () => {
        for (const id of devicesIds) startable(id, pool.get(id));
        await deps.preStart?.(devicesIds);
        // It may have come to light just now that one is broken.
        for (const id of devicesIds) startable(id, pool.get(id));
      });
      log.info("Devices prepared for container start", {
        device_ids: devicesIds,
        reason: "pre_start_container",
        next: "the kubelet starts the container",
      });
      return {};
    },
  };
}

/** What the kubelet is told. */
function refusal(reason: unknown): ConnectError {
  if (!(reason instanceof PluginError)) return ConnectError.from(reason);
  const code = reason.code === "timed_out" ? Code.Unavailable : Code.FailedPrecondition;
  // The kubelet's own sentence goes on behind it: `desc = …, which is unexpected`.
  const message = asClause(reason.message);
  return new ConnectError(message, code, undefined, undefined, reason);
}

/** The full list, as every ListAndWatch message must be. */
function deviceList(
  pool: Pick<Inventory, "list">,
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
        reason: "asked_for_by_kubelet",
        next: "it is cleaned when the kubelet no longer lists its pod",
      });
    }
  }
}
