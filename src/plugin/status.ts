import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../common/clock.ts";
import type { CareStatus } from "../devices/caretaker.ts";
import type { CordonBook } from "../devices/cordon-book.ts";
import type { DeviceStatus } from "../devices/health.ts";
import type { Use as DeviceUse } from "../devices/use.ts";
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
import type { Owner } from "../kubelet/device-owners.ts";
import type { PodResources } from "../kubelet/pod-resources.ts";
import type { RegistrarStatus } from "../kubelet/registrar.ts";
import { protoLevel } from "../observe/admin/log-levels.ts";
import type { JournalEvent } from "../observe/journal.ts";
import type { LogLevel } from "../observe/logger.ts";

/** What the kubelet's pod-resources API has told. */
export type PodResourcesView = Pick<PodResources, "owners" | "status">;

/** Everybody who knows a part of the status. */
export interface StatusSources {
  readonly version: string;
  readonly nodeName: string;
  readonly resourceName: string;
  readonly driver: string;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly clock: Pick<Clock, "now">;
  readonly devices: () => readonly DeviceStatus[];
  readonly care: () => readonly CareStatus[];
  readonly cordons: () => CordonBook;
  readonly registration: () => RegistrarStatus;
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
  return create(StatusSchema, {
    observedAt: timestampFromMs(sources.clock.now()),
    startedAt: timestampFromMs(sources.startedAt),
    version,
    nodeName,
    resourceName,
    driver,
    logLevel: protoLevel(sources.logLevel()),
    kubelet: {
      registered: registration.registered,
      reason: registration.because,
      since: timestampFromMs(registration.since),
      podResourcesAnswers: asked.answers,
      podResourcesError: asked.error,
    },
    devices: sources
      .devices()
      .map((device) => deviceOf(device, care.get(device.id), cordons, owners.get(device.id))),
    events: sources.events().map(eventOf),
  });
}

const uses: Readonly<Record<DeviceUse, Use>> = {
  free: Use.FREE,
  in_use: Use.IN_USE,
  unknown: Use.UNSPECIFIED,
};

const works = { none: Work.UNSPECIFIED, reset: Work.RESET, repair: Work.REPAIR } as const;

function deviceOf(
  device: DeviceStatus,
  care: CareStatus | undefined,
  cordons: CordonBook,
  owner: Owner | undefined,
): Device {
  const { id, number, hostPath, health, reason, detail, since, format } = device;
  const cordon = cordons.get(id);
  return create(DeviceSchema, {
    id,
    number,
    path: hostPath,
    healthy: health === "Healthy",
    reason,
    detail,
    since: timestampFromMs(since),
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
