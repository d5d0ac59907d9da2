import type { ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { Logger, LogLevel } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { AdminService, Device } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { logInternalError } from "../observe/internal-error-log.ts";
import { logLevelOf, protoLevel } from "../observe/proto-log-level.ts";
import { adminError, internalError, isForeseen } from "./admin-errors.ts";
import { type StatusSource, type WatchTimes, watchStatus } from "./watch.ts";

/** What can be asked and done. Actions throw PluginError with the codes of `admin-errors.ts`. */
export interface AdminActions extends StatusSource {
  reset(id: string, options: { readonly force: boolean }): Promise<void>;
  repair(id: string, options: { readonly force: boolean }): Promise<void>;
  cordon(id: string, note: string): Promise<void>;
  uncordon(id: string): Promise<void>;
  /** Returns the level before. */
  setLogLevel(level: LogLevel): LogLevel;
}

export interface AdminServiceDeps {
  readonly actions: AdminActions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly watchTimes?: WatchTimes | undefined;
}

/** Watches at a time: one whose reader has stopped reading costs some 300 kB, most of it socket buffers. */
const maxWatches = 32;

/** The AdminService over the actions of one plugin. */
export function adminService(deps: AdminServiceDeps): ServiceImpl<typeof AdminService> {
  const { actions, clock, log } = deps;
  let watches = 0;

  /** Does it, and answers errors: what was foreseen as it is, and a defect of ours as `internal`, logged. */
  async function answering<T>(method: string, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      if (isForeseen(reason)) {
        log.debug("Admin request refused", { method, device_id: id, ...reason.fields() });
        throw adminError(reason);
      }
      throw defect(method, reason);
    }
  }

  function defect(method: string, reason: unknown) {
    logInternalError(log, method, reason);
    return internalError(reason);
  }

  /** Does something to a device, and answers what has become of it. */
  function operating(method: string, id: string, work: () => Promise<void>) {
    return answering(method, id, async () => {
      const known = refuseUnknown(id, actions.status().devices);
      await work();
      const device = actions.status().devices.find((one) => one.id === id) ?? known;
      return { device };
    });
  }

  return {
    getStatus: () => answering("GetStatus", "", async () => ({ status: actions.status() })),

    async *watchStatus(_request, { signal }) {
      if (watches >= maxWatches) {
        throw adminError(
          new PluginError("too_many_watches", `${maxWatches} watches are open already.`, {
            remedy: "End some of them, or ask for the status now and then.",
          }),
        );
      }
      watches += 1;
      try {
        for await (const status of watchStatus(actions, clock, signal, deps.watchTimes)) {
          yield { status };
        }
      } catch (reason) {
        throw defect("WatchStatus", reason);
      } finally {
        watches -= 1;
      }
    },

    resetDevice: ({ deviceId, force }) =>
      operating("ResetDevice", deviceId, () => actions.reset(deviceId, { force })),

    repairDevice: ({ deviceId, force }) =>
      operating("RepairDevice", deviceId, () => actions.repair(deviceId, { force })),

    cordonDevice: ({ deviceId, note }) =>
      operating("CordonDevice", deviceId, () => actions.cordon(deviceId, note)),

    uncordonDevice: ({ deviceId }) =>
      operating("UncordonDevice", deviceId, () => actions.uncordon(deviceId)),

    setLogLevel: ({ level }) =>
      answering("SetLogLevel", "", async () => {
        const wanted = logLevelOf(level);
        if (wanted === undefined) {
          throw new PluginError("log_level_unspecified", "The level is none that can be set.", {
            remedy: "Name LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN or LOG_LEVEL_ERROR.",
          });
        }
        return { previous: protoLevel(actions.setLogLevel(wanted)) };
      }),
  };
}

const nameOne = "Name one of the devices that the status lists.";

/** Longest part of an unknown ID that is quoted, characters. */
const quoted = 63;

function refuseUnknown(id: string, devices: readonly Device[]): Device {
  if (id === "") {
    throw new PluginError("device_id_missing", "No device is named: device_id is empty.", {
      remedy: nameOne,
    });
  }
  const device = devices.find((one) => one.id === id);
  if (device !== undefined) return device;
  const [first, last] = [devices[0]?.id, devices.at(-1)?.id];
  const range = first === last ? `it has ${first}` : `it has ${first} to ${last}`;
  throw new PluginError(
    "device_unknown",
    `${id.slice(0, quoted)} is not one of this node's devices; ${range}.`,
    { remedy: nameOne },
  );
}
