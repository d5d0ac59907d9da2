import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { LogLevel } from "../common/logger.ts";
import type { WallClock } from "../common/wall-clock.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import type { Cordon, CordonMap } from "../devices/cordon/cordons.ts";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { MaintenanceStatus } from "../devices/maintenance/maintenance.ts";
import type { Use as DeviceUse } from "../devices/usage/usage.ts";
import {
  type Device,
  DeviceSchema,
  type Event,
  EventSchema,
  type Status,
  StatusSchema,
  Use,
  Work,
} from "../gen/videodevice/admin/v1/admin_pb.ts";
import type { Owner } from "../pod-resources/device-owners.ts";
import type { PodResources } from "../pod-resources/pod-resources.ts";
import type { JournalEvent } from "./journal.ts";
import { protoLevel } from "./proto-log-level.ts";

/** What the kubelet's pod-resources API has told. */
export type PodResourcesView = Pick<PodResources, "owners" | "status">;

/** Everybody who knows a part of the status. */
export interface StatusSources {
  readonly version: string;
  readonly nodeName: string;
  readonly resourceName: string;
  readonly driver: string;
  /** By the program's clock, as all times but those of events and cordons. */
  readonly startedAt: number;
  readonly wall: Pick<WallClock, "at" | "now">;
  readonly devices: () => readonly DeviceStatus[];
  readonly care: () => readonly MaintenanceStatus[];
  readonly cordons: () => CordonMap;
  readonly registration: () => RegistrarStatus;
  /** Why there is no registration and what to do, in sentences; empty if there is one, or no more to say. */
  readonly unregistered: () => string;
  readonly podResources: PodResourcesView;
  readonly events: () => readonly JournalEvent[];
  readonly logLevel: () => LogLevel;
}

/** Everything that is known at this moment, for the admin API and whoever shows it. */
export function buildStatus(sources: StatusSources): Status {
  const { version, nodeName, resourceName, driver, podResources } = sources;
  const care = new Map(sources.care().map((one) => [one.id, one]));
  const owners = podResources.owners();
  const cordons = sources.cordons();
  const registration = sources.registration();
  const asked = podResources.status();
  const time = (ms: number) => timestampFromMs(sources.wall.at(ms));
  return create(StatusSchema, {
    observedAt: timestampFromMs(sources.wall.now()),
    startedAt: time(sources.startedAt),
    version,
    nodeName,
    resourceName,
    driver,
    logLevel: protoLevel(sources.logLevel()),
    kubelet: {
      registered: registration.registered,
      reason: registration.reason,
      since: time(registration.since),
      podResourcesAnswers: asked.answers,
      podResourcesError: asked.error,
      detail: sources.unregistered(),
    },
    devices: sources.devices().map((device) => {
      const { id, since } = device;
      const about = { care: care.get(id), cordon: cordons.get(id), owner: owners.get(id) };
      return deviceOf(device, { ...about, since: time(since) });
    }),
    events: sources.events().map(eventOf),
  });
}

const uses: Readonly<Record<DeviceUse, Use>> = {
  free: Use.FREE,
  in_use: Use.IN_USE,
  unknown: Use.UNSPECIFIED,
};

const works = { none: Work.UNSPECIFIED, reset: Work.RESET, repair: Work.REPAIR } as const;

/** What others know of a device. */
interface DeviceFacts {
  readonly care: MaintenanceStatus | undefined;
  readonly cordon: Cordon | undefined;
  readonly owner: Owner | undefined;
  readonly since: Timestamp;
}

function deviceOf(device: DeviceStatus, { care, cordon, owner, since }: DeviceFacts): Device {
  const { id, number, hostPath, health, reason, detail, format } = device;
  return create(DeviceSchema, {
    id,
    number,
    path: hostPath,
    healthy: health === "Healthy",
    reason,
    detail,
    since,
    use: uses[care?.use ?? "unknown"],
    ...(owner && { owner: { ...owner } }),
    clean: care?.cleanliness === "clean",
    ...(cordon && { cordon: { since: timestampFromMs(cordon.since), note: cordon.note } }),
    resets: care?.resets ?? 0,
    repairs: care?.repairs ?? 0,
    format,
    work: works[care?.work ?? "none"],
  });
}

function eventOf({ at, level, msg, fields }: JournalEvent): Event {
  return create(EventSchema, {
    time: timestampFromMs(at),
    level: protoLevel(level),
    message: msg,
    fields,
  });
}
