import type { Config } from "../../config/config.ts";
import type { PoolConfig } from "../../config/pool-config.ts";
import { wrap } from "../../config/wrap.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import { findPair, type LoopbackKernel, listVideoDevices } from "../../drivers/loopback/index.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { describeHolders, findHolders, type Holder } from "../../v4l2/holders.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { fitTable, type Step } from "../tools/fit-table.ts";
import { findPods, podOf } from "../tools/pods-by-device.ts";
import { cutEnd, cutMiddle, printable, renderTable } from "../tools/table.ts";
import { describeTrouble } from "./describe-camera.ts";
import { findCameras } from "./find-cameras.ts";
import { type CameraPlace, describePlace, placeCameras } from "./place-cameras.ts";
import { renderCameras } from "./render-cameras.ts";

/** A video device as `devices list --json` shows it. */
export interface ListedDevice {
  readonly id: string;
  readonly number: number;
  readonly label: string;
  /** `v4l2loopback`, or the name of another driver; null if /sys doesn't have it. */
  readonly driver: string | null;
  /**
   * `loopback`, or what a device with hardware behind it is: `camera`, `codec`, `output`, `metadata`, `media_controller`,
   * `other`. Null if that is unknown.
   */
  readonly kind: string | null;
  /** A name that stays over replugging and boots, the same for all nodes of a device. Of a loopback device, the ID. */
  readonly identity: string;
  /** `ok`, or the reason why it is not. */
  readonly state: string;
  /** One sentence; empty if the state is `ok`. */
  readonly detail: string;
  /** True if a program writes to the loopback device. */
  readonly streaming: boolean;
  /** `YUYV:640x480@30`; empty if none is set. */
  readonly format: string;
  /** `81:3` */
  readonly device: string | null;
  readonly path: string;
  /** Permission bits, `0666`; null if there is no node. */
  readonly mode: string | null;
  /** ID of the camera whose feed this device is; null if it is none. */
  readonly feedOf: string | null;
  /** ID of the feed if this device is a ready camera; null if it is none. */
  readonly feed: string | null;
  /** Processes that hold it open, as far as they can be seen from here. */
  readonly holders: readonly Holder[];
  /** `namespace/name` of the pod that owns it; null if none does, or that is unknown. */
  readonly pod: string | null;
  /** Name of the pool of a device with hardware behind it; null if it matches none. Absent if no pool has such devices. */
  readonly pool?: string | null;
  /** Why it matches no pool, in a sentence; empty if it matches one. Absent as `pool`. */
  readonly noPool?: string;
}

export interface DeviceList {
  readonly devices: readonly ListedDevice[];
  /** Those of them that have hardware behind them. */
  readonly cameras: readonly PhysicalDevice<CameraNode>[];
  /** Their pools, by identity; empty if no pool has such devices. */
  readonly places: ReadonlyMap<string, CameraPlace>;
  /** Why the kubelet doesn't say which pods own devices; empty if it does, or there is no kubelet. */
  readonly podsUnknown: string;
}

/**
 * Lists all video devices. It opens no loopback device, and others as {@link findCameras} does.
 *
 * @param pools What this node offers. Default: no real device.
 */
export async function listDevices(
  config: Config,
  kernel?: LoopbackKernel,
  pools: readonly PoolConfig[] = [],
): Promise<DeviceList> {
  const found = listVideoDevices(config, kernel);
  const holders = findHolders(found.flatMap(({ device }) => device ?? []));
  const [pods, cameras] = await Promise.all([
    findPods(config.podResourcesSocket),
    findCameras(config, holders),
  ]);
  const places = placeCameras(cameras, pools, config);
  const nodes = new Map(
    cameras.flatMap(({ id, nodes }) => nodes.map((node) => [node.number, { id, node }] as const)),
  );
  const devices = found.map(({ id, number, label, ...seen }): ListedDevice => {
    const { streaming, format, path, driver = null } = seen;
    const camera = nodes.get(number);
    const trouble = camera === undefined ? "" : describeTrouble(camera.node);
    const state = trouble === "" ? seen.reason : (camera?.node.state ?? seen.reason);
    const detail = trouble === "" ? seen.detail : trouble;
    const device = seen.device === undefined ? null : formatDevice(seen.device);
    const pod = driver === "v4l2loopback" ? podOf(id, pods) : undefined;
    const pair = findPair(number, config.sysfsDir);
    const isFeed = pair?.feed.number === number;
    const place = camera === undefined ? undefined : places.get(camera.id);
    return {
      ...{ id, number, label, driver, state, detail, streaming, format, device, path },
      feedOf: pair !== undefined && isFeed ? deviceId(pair.camera.number) : null,
      feed: pair !== undefined && !isFeed ? deviceId(pair.feed.number) : null,
      kind: driver === "v4l2loopback" ? "loopback" : (camera?.node.kind ?? null),
      identity: camera?.id ?? id,
      mode: seen.mode === undefined ? null : seen.mode.toString(8).padStart(4, "0"),
      holders: (device === null ? undefined : holders.get(device)) ?? [],
      pod: pod === undefined ? null : `${pod.namespace}/${pod.pod}`,
      ...(place && { pool: place.pool, noPool: describePlace(camera?.id ?? id, place) }),
    };
  });
  return { devices, cameras, places, podsUnknown: pods.unknown };
}

function stateOf({ state, streaming, feedOf, feed }: ListedDevice): string {
  if (state !== "ok") return state;
  if (feedOf !== null) return `feed of ${feedOf}`;
  if (feed !== null) return "ready camera";
  return streaming ? "streaming" : "idle";
}

const headings = [
  "DEVICE",
  "LABEL",
  "DRIVER",
  "STATE",
  "FORMAT",
  "MODE",
  "POD",
  "OPEN IN",
] as const;
type Heading = (typeof headings)[number];

/** How the table becomes narrower. */
const steps: readonly Step<Heading>[] = [
  { heading: "POD", least: 16, cut: cutMiddle },
  { heading: "OPEN IN", least: 20, cut: cutEnd },
  { heading: "LABEL", least: 12, cut: cutEnd },
  { heading: "FORMAT", least: 8, cut: cutEnd },
  "MODE",
  "FORMAT",
  { heading: "OPEN IN", least: 12, cut: cutEnd },
  "DRIVER",
  "LABEL",
];

/**
 * The devices as a table, with a sentence below for each that is not ok; ends with a line break.
 *
 * @param columns Width of the screen. Default Infinity, which keeps lines whole.
 */
export function renderDevices(
  devices: readonly ListedDevice[],
  columns = Number.POSITIVE_INFINITY,
): string {
  const cells = devices.map(
    (device): Record<Heading, string> => ({
      DEVICE: device.id,
      LABEL: printable(device.label),
      DRIVER: device.driver ?? "?",
      STATE: stateOf(device),
      FORMAT: device.format === "" ? "-" : device.format,
      MODE: device.mode ?? "-",
      POD: device.pod ?? "-",
      "OPEN IN": device.holders.length === 0 ? "-" : describeHolders(device.holders),
    }),
  );
  const fitting = fitTable({ headings, rows: cells, steps }, columns);
  const rows = fitting.rows.map((row) => fitting.headings.map((heading) => row[heading]));
  const details = devices.flatMap(({ detail }) => (detail === "" ? [] : wrap(detail, columns)));
  return `${[...renderTable([fitting.headings, ...rows]), ...details].join("\n")}\n`;
}

/** Both tables: {@link renderDevices}, then the devices with hardware behind them; ends with a line break. */
export function renderLists({ devices, cameras, places }: DeviceList, columns?: number): string {
  const inCameras = new Set(cameras.flatMap(({ nodes }) => nodes.map(({ number }) => number)));
  const others = devices.filter(({ number }) => !inCameras.has(number));
  const holders = new Map(devices.map(({ number, holders }) => [number, holders]));
  const tables = [
    ...(others.length === 0 ? [] : [renderDevices(others, columns)]),
    ...(cameras.length === 0
      ? []
      : [renderCameras(cameras, ({ number }) => holders.get(number) ?? [], columns, places)]),
  ];
  return tables.join("\n");
}
