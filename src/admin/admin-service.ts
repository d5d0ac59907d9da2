import type { ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { Logger, LogLevel } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { AdminService, Device } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { logInternalError } from "../observe/internal-error-log.ts";
import { fromProtoLevel, toProtoLevel } from "../observe/log-level.ts";
import { adminError, internalError, isExpected } from "./admin-errors.ts";
import { describeIds } from "./describe-ids.ts";
import { type StatusSource, type WatchTimes, watchStatus } from "./watch.ts";

/** The plugin's side of the API. Actions throw PluginError with the codes of `admin-errors.ts`. */
export interface AdminActions extends StatusSource {
  reset(id: string, options: { readonly force: boolean }): Promise<void>;
  /** Resolves to false if there was nothing to repair. */
  repair(id: string, options: { readonly force: boolean }): Promise<boolean>;
  cordon(id: string, note: string): Promise<void>;
  /** Resolves to false if the device wasn't cordoned. */
  uncordon(id: string): Promise<boolean>;
  /** Sets the log level and returns the level before. */
  setLogLevel(level: LogLevel): LogLevel;
}

export interface AdminServiceDeps {
  readonly actions: AdminActions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly watchTimes?: WatchTimes | undefined;
}

/** Simultaneous watches: one whose client has stopped reading takes some 300 kB, most of it in socket buffers. */
const maxWatches = 32;

/** Implements the AdminService with the actions of one plugin. */
export function adminService(deps: AdminServiceDeps): ServiceImpl<typeof AdminService> {
  const { actions, clock, log } = deps;
  let watches = 0;

  /** Runs `work`. A PluginError goes to the client as it is; any other is logged and answered as `internal`. */
  async function answering<T>(method: string, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      if (isExpected(reason)) {
        log.debug("Admin request rejected", { method, device_id: id, ...reason.fields() });
        throw adminError(reason);
      }
      throw logged(method, reason);
    }
  }

  function logged(method: string, reason: unknown) {
    logInternalError(log, method, reason);
    return internalError(reason);
  }

  /** Runs an operation on a device and answers with the device afterwards, and with what the operation returned. */
  function operating<T>(method: string, id: string, work: () => Promise<T>) {
    return answering(method, id, async () => {
      const known = findDevice(id, actions.status().devices);
      const result = await work();
      const device = actions.status().devices.find((one) => one.id === id) ?? known;
      return { device, result };
    });
  }

  /** As {@link operating}, of work that says whether it changed something. */
  async function changing(method: string, id: string, work: () => Promise<boolean>) {
    const { device, result } = await operating(method, id, work);
    return { device, unchanged: !result };
  }

  return {
    getStatus: () => answering("GetStatus", "", async () => ({ status: actions.status() })),

    async *watchStatus(_request, { signal }) {
      if (watches >= maxWatches) {
        throw adminError(
          new PluginError("too_many_watches", `${maxWatches} watches are already open.`, {
            remedy: "Close some of them, or poll the status instead.",
          }),
        );
      }
      watches += 1;
      try {
        for await (const status of watchStatus(actions, clock, signal, deps.watchTimes)) {
          yield { status };
        }
      } catch (reason) {
        throw logged("WatchStatus", reason);
      } finally {
        watches -= 1;
      }
    },

    resetDevice: async ({ deviceId, force }) => {
      const work = () => actions.reset(deviceId, { force });
      const { device } = await operating("ResetDevice", deviceId, work);
      return { device };
    },

    repairDevice: ({ deviceId, force }) =>
      changing("RepairDevice", deviceId, () => actions.repair(deviceId, { force })),

    cordonDevice: async ({ deviceId, note }) => {
      const work = () => actions.cordon(deviceId, note);
      const { device } = await operating("CordonDevice", deviceId, work);
      return { device };
    },

    uncordonDevice: ({ deviceId }) =>
      changing("UncordonDevice", deviceId, () => actions.uncordon(deviceId)),

    setLogLevel: ({ level }) =>
      answering("SetLogLevel", "", async () => {
        const wanted = fromProtoLevel(level);
        if (wanted === undefined) {
          throw new PluginError(
            "log_level_unspecified",
            "The log level is unspecified or unknown.",
            {
              remedy: "Use LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN or LOG_LEVEL_ERROR.",
            },
          );
        }
        return { previous: toProtoLevel(actions.setLogLevel(wanted)) };
      }),
  };
}

const remedy = "Use a device ID from the status.";

/** Characters of an unknown ID that an error quotes. */
const quotedLength = 63;

function findDevice(id: string, devices: readonly Device[]): Device {
  if (id === "") {
    throw new PluginError("device_id_missing", "No device is named: device_id is empty.", {
      remedy,
    });
  }
  const device = devices.find((one) => one.id === id);
  if (device !== undefined) return device;
  throw new PluginError(
    "device_unknown",
    `${id.slice(0, quotedLength)} is not one of this node's devices; the node has ${describeIds(devices.map((one) => one.id))}.`,
    { remedy },
  );
}
