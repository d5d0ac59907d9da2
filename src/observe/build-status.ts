import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { LogLevel } from "../common/logger.ts";
import { deviceOfReplica } from "../common/replica-id.ts";
import type { WallClock } from "../common/wall-clock.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import type { Cordon, Cordons } from "../devices/cordon/cordons.ts";
import type { DeviceActivity } from "../devices/devices.ts";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { DeviceUse } from "../devices/usage/usage.ts";
import type { CameraRelay, RelayReport } from "../drivers/driver.ts";
import {
  type Device,
  DeviceSchema,
  type Event,
  EventSchema,
  type OwnerSchema,
  Picture,
  type Pool,
  PoolSchema,
  Signal,
  type Status,
  StatusSchema,
  Use,
  Work,
} from "../gen/videodevice/admin/v1/admin_pb.ts";
import type { Owner } from "../pod-resources/device-owners.ts";
import type { PodResources } from "../pod-resources/pod-resources.ts";
import type { JournalEvent } from "./journal.ts";
import { toProtoLevel } from "./log-level.ts";

/** The answers of the kubelet's pod-resources API. */
export type PodResourcesView = Pick<PodResources, "owners" | "status">;

/** The parts of a status. */
export interface StatusSources {
  readonly version: string;
  readonly nodeName: string;
  /** ms by the program's clock, as all times but those of events and cordons. */
  readonly startedAt: number;
  readonly wall: Pick<WallClock, "at" | "now">;
  readonly cordons: () => Cordons;
  readonly events: () => readonly JournalEvent[];
  readonly logLevel: () => LogLevel;
  /** At least one, in the order of the configuration. */
  readonly pools: readonly PoolStatusSources[];
}

/** The parts of a status that each pool has. */
export interface PoolStatusSources {
  readonly name: string;
  readonly resourceName: string;
  readonly driver: string;
  readonly devices: () => readonly DeviceStatus[];
  readonly activity: () => readonly DeviceActivity[];
  /** What the relay of ready cameras does; undefined if devices are plain ones. */
  readonly relay: () => RelayReport | undefined;
  readonly registration: () => RegistrarStatus;
  /** Why the plugin is not registered and what to do, in sentences; empty if it is, or if the reason says all. */
  readonly registrationDetail: () => string;
  /** Why devices could not be set up and what to do, in sentences; empty if all of them were. */
  readonly devicesDetail: () => string;
  readonly podResources: PodResourcesView;
  /** The devices that other plugins offer to the kubelet as well. */
  readonly otherOffers: () => readonly {
    readonly resourceName: string;
    readonly deviceIds: readonly string[];
  }[];
}

/** A time of the program's clock, ms, as one of the wall clock. */
type Time = (ms: number) => Timestamp;

/** Builds the current status as the admin API and the status page show it. */
export function buildStatus(sources: StatusSources): Status {
  const { version, nodeName, wall } = sources;
  const time = (ms: number) => timestampFromMs(wall.at(ms));
  const cordons = sources.cordons();
  const pools = sources.pools.map((pool) => poolOf(pool, time));
  return create(StatusSchema, {
    observedAt: timestampFromMs(wall.now()),
    startedAt: time(sources.startedAt),
    version,
    nodeName,
    ...sumOfPools(pools),
    logLevel: toProtoLevel(sources.logLevel()),
    devices: sources.pools.flatMap((pool) => devicesOf(pool, cordons, time)),
    events: sources.events().map(eventOf),
    pools,
  });
}

function poolOf(sources: PoolStatusSources, time: Time): Pool {
  const { name, resourceName, driver } = sources;
  const { registered, reason, since } = sources.registration();
  const { answers, error } = sources.podResources.status();
  const relay = sources.relay();
  return create(PoolSchema, {
    ...{ name, resourceName, driver },
    kubelet: {
      ...{ registered, reason, since: time(since) },
      podResourcesAnswers: answers,
      podResourcesError: error,
      detail: sources.registrationDetail(),
    },
    devicesDetail: sources.devicesDetail(),
    ...(relay && { relay: { running: relay.isRunning, restarts: relay.restarts } }),
    otherOffers: sources.otherOffers().map((offer) => {
      return { resourceName: offer.resourceName, deviceIds: [...offer.deviceIds] };
    }),
  });
}

/** The fields that a status had before there were several pools. */
function sumOfPools(pools: readonly Pool[]): MessageInitShape<typeof StatusSchema> {
  const [first] = pools;
  const relays = pools.flatMap(({ relay }) => relay ?? []);
  const kubelets = pools.flatMap(({ kubelet }) => kubelet ?? []);
  const kubelet =
    kubelets.find(({ registered }) => !registered) ??
    kubelets.find(({ podResourcesAnswers }) => !podResourcesAnswers) ??
    kubelets[0];
  const details = pools.flatMap(({ name, devicesDetail }) =>
    devicesDetail === "" ? [] : [pools.length === 1 ? devicesDetail : `${name}: ${devicesDetail}`],
  );
  return {
    resourceName: first?.resourceName ?? "",
    driver: first?.driver ?? "",
    ...(kubelet && { kubelet }),
    devicesDetail: details.join(" "),
    ...(relays.length > 0 && {
      relay: {
        running: relays.every(({ running }) => running),
        restarts: relays.reduce((sum, { restarts }) => sum + restarts, 0),
      },
    }),
    otherOffers: pools.flatMap(({ otherOffers }) => otherOffers),
  };
}

function devicesOf(sources: PoolStatusSources, cordons: Cordons, time: Time): Device[] {
  const activity = new Map(sources.activity().map((device) => [device.id, device]));
  // Of several pods that share a device always the same one, while it is there.
  const owners = new Map(
    [...sources.podResources.owners()]
      .toSorted(([a], [b]) => (a < b ? 1 : -1))
      .map(([id, owner]) => [deviceOfReplica(id), owner]),
  );
  const relay = sources.relay();
  return sources.devices().map((device) => {
    const { id, since } = device;
    return deviceOf(device, {
      pool: sources.name,
      activity: activity.get(id),
      cordon: cordons.get(id),
      owner: ownerOf(owners.get(id), activity.get(id), time),
      relay: relay?.cameras.get(id),
      since: time(since),
    });
  });
}

const uses: Readonly<Record<DeviceUse, Use>> = {
  free: Use.FREE,
  in_use: Use.IN_USE,
  unknown: Use.UNSPECIFIED,
};

const signals = {
  unknown: Signal.UNSPECIFIED,
  present: Signal.PRESENT,
  missing: Signal.MISSING,
} as const;

const works = { none: Work.UNSPECIFIED, reset: Work.RESET, repair: Work.REPAIR } as const;

const pictures = { application: Picture.APPLICATION, placeholder: Picture.PLACEHOLDER } as const;

/** What parts other than the inventory know of a device. */
interface DeviceFacts {
  readonly pool: string;
  readonly activity: DeviceActivity | undefined;
  readonly cordon: Cordon | undefined;
  readonly owner: MessageInitShape<typeof OwnerSchema> | undefined;
  readonly relay: CameraRelay | undefined;
  readonly since: Timestamp;
}

function deviceOf(device: DeviceStatus, facts: DeviceFacts): Device {
  const { pool, activity, cordon, owner, relay, since } = facts;
  const { id, number, nodes, health, reason, detail, format, cleaning } = device;
  const feed = nodes.find(({ role }) => role === "feed");
  return create(DeviceSchema, {
    id,
    number,
    path: nodes[0].hostPath,
    healthy: health === "Healthy",
    reason,
    detail,
    since,
    use: uses[activity?.use ?? "unknown"],
    ...(owner && { owner }),
    clean: activity?.cleanliness === "clean" || cleaning === "not_needed",
    ...(cordon && { cordon: { since: timestampFromMs(cordon.since), note: cordon.note } }),
    resets: activity?.resets ?? 0,
    repairs: activity?.repairs ?? 0,
    format,
    work: works[activity?.work ?? "none"],
    unlisted: activity?.unlisted ?? false,
    pool,
    signal: signals[device.signal ?? "unknown"],
    ...(feed && {
      readyCamera: {
        feedPath: feed.hostPath,
        picture: relay === undefined ? Picture.UNSPECIFIED : pictures[relay.picture],
        problem: relay?.problem ?? "",
      },
    }),
  });
}

/** The owner, with the time since when it has owned the device, if that is known. */
function ownerOf(
  owner: Owner | undefined,
  activity: DeviceActivity | undefined,
  time: Time,
): MessageInitShape<typeof OwnerSchema> | undefined {
  if (owner === undefined) return undefined;
  const known = activity?.ownership;
  return { ...owner, ...(known && { since: time(known.since), sinceIsExact: known.exact }) };
}

function eventOf({ at, level, msg, fields }: JournalEvent): Event {
  return create(EventSchema, {
    time: timestampFromMs(at),
    level: toProtoLevel(level),
    message: msg,
    fields,
  });
}
