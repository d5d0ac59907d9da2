import { wrap } from "../../config/wrap.ts";
import {
  type Device,
  type Event,
  LogLevel,
  type Status,
} from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { levelWord } from "../../observe/log-level.ts";
import { type PoolView, poolViews } from "../../observe/pool-views.ts";
import {
  needsAttention,
  otherOfferSentences,
  type Summary,
  summarise,
} from "../../observe/summary.ts";
import { type Colour, cutEnd, paint, printable, under } from "../tools/table.ts";
import { fitRows } from "./fit-rows.ts";
import { ageOf, renderDeviceTable, type StatusView } from "./render-device-table.ts";

/**
 * Renders a node's status as lines for people: its summary, kubelet and plugin, a table of the devices, remarks on
 * unhealthy and cordoned ones, and the last events. Several pools have a table each, with their registration above it. With
 * `view.rows`, unhealthy devices come first, and what doesn't fit is left out and counted.
 */
export function renderStatus(status: Status, view: StatusView): string[] {
  const pools = poolViews(status);
  const isOne = pools.length === 1;
  const head = [
    headline(status, view),
    ...(isOne ? about(status, view) : aboutProcess(status, view)),
  ];
  const titles = isOne ? [] : pools.map((pool) => aboutPool(pool, view));
  const devices = view.rows === undefined ? status.devices : troubledFirst(status.devices);
  const remarked = remarks(devices, view);
  const events = status.events.slice(0, view.events);
  const notable = devices.filter(({ healthy }) => !healthy).length;
  const parts = { devices: devices.length, remarks: remarked.length, events: events.length };
  // With each further table come an empty line and its headings.
  const tops = head.length + titles.flat().length + 2 * (pools.length - 1);
  const shown =
    view.rows === undefined ? parts : fitRows({ ...parts, head: tops, notable }, view.rows);
  const hidden = {
    devices: devices.slice(shown.devices),
    remarks: remarked.length - shown.remarks,
  };
  const visible = devices.slice(0, shown.devices);
  const tables = pools.map((pool, at) => {
    const own = pool.status.devices;
    const table = { ...pool.status, devices: visible.filter((device) => own.includes(device)) };
    const lines = own.length === 0 ? ["There are no devices."] : renderDeviceTable(table, view);
    return [...(titles[at] ?? []), ...lines];
  });
  tables.at(-1)?.push(...hiddenLine(hidden, view));
  const blocks = [
    head,
    ...tables,
    remarked.slice(0, shown.remarks),
    lastEvents(events.slice(0, shown.events), view),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .flatMap((block, i) => (i > 0 ? ["", ...block] : block));
}

/** Devices that need attention, then others that aren't healthy, then the rest; each in its old order. */
function troubledFirst(devices: readonly Device[]): readonly Device[] {
  const rank = (device: Device) => (needsAttention(device) ? 0 : device.healthy ? 2 : 1);
  return devices.toSorted((a, b) => rank(a) - rank(b));
}

/** Says what a short screen has no room for. */
function hiddenLine(
  { devices, remarks }: { readonly devices: readonly Device[]; readonly remarks: number },
  view: StatusView,
): string[] {
  const unhealthy = devices.filter(({ healthy }) => !healthy).length;
  const parts = [
    ...(devices.length === 0
      ? []
      : [
          `${devices.length} more ${devices.length === 1 ? "device" : "devices"}, ${unhealthy === 0 ? "all healthy" : `${unhealthy} not healthy`}`,
        ]),
    ...(remarks === 0 ? [] : [`${remarks} more ${remarks === 1 ? "line" : "lines"} about devices`]),
  ];
  if (parts.length === 0) return [];
  return [paint(fit(`… ${parts.join("; ")}`, 0, view), unhealthy === 0 ? "gray" : "red", view)];
}

const marks: Readonly<Record<Summary["level"], readonly [string, Colour]>> = {
  good: ["✓", "green"],
  warn: ["!", "yellow"],
  bad: ["✗", "red"],
};

function headline(status: Status, view: StatusView): string {
  const { level, sentence } = summarise(status);
  const [mark, colour] = marks[level];
  const text = cutEnd(`${printable(status.nodeName)}: ${sentence}`, view.width - 2);
  return `${paint(mark, colour, view)} ${paint(text, "bold", view)}`;
}

/** A line, and its colour. */
type Line = readonly [string, Colour | undefined];

function about(status: Status, view: StatusView): string[] {
  const lines = [
    ...aboutRegistration("kubelet", status, view),
    programLine(status, [status.driver], view),
    ...aboutPods(status),
    ...aboutDevices(status, view),
  ];
  return inColour(lines, view);
}

/** What the pools have in common. */
function aboutProcess(status: Status, view: StatusView): string[] {
  return inColour([programLine(status, [], view), ...aboutPods(status)], view);
}

function aboutPool({ name, status }: PoolView, view: StatusView): string[] {
  const label = name.length < indent ? name : `${name} `;
  const [[registration, colour], ...detail] = aboutRegistration(label, status, view);
  const first: Line = [`${registration}, ${status.driver}`, colour];
  return inColour([first, ...detail, ...aboutDevices(status, view)], view, 0);
}

function programLine(status: Status, more: readonly string[], view: StatusView): Line {
  const up = ageOf(status.startedAt, view);
  const level = `log level ${levelWord(status.logLevel)}`;
  const parts = [status.version, ...more, ...(up === "" ? [] : [`up ${up}`]), level];
  return [`plugin   ${parts.join(", ")}`, undefined];
}

/** The registration, and why there is none, in sentences. */
function aboutRegistration(label: string, status: Status, view: StatusView): [Line, ...Line[]] {
  const { kubelet } = status;
  const since = ageOf(kubelet?.since, view);
  const duration = since === "" ? "" : ` for ${since}`;
  const isStandby = kubelet?.reason === "standby";
  const registration =
    kubelet?.registered === true
      ? `registered${duration} as ${status.resourceName}`
      : isStandby
        ? `standing by${duration}: another instance serves ${status.resourceName}`
        : `not registered${duration}: ${kubelet?.reason || "unknown"}`;
  const isFine = kubelet?.registered === true || isStandby;
  const detail = kubelet?.detail ? wrap(printable(kubelet.detail), detailWidth(view)) : [];
  return [
    [`${label.padEnd(indent)}${registration}`, isFine ? undefined : "red"],
    ...detail.map((line): Line => [`${" ".repeat(indent)}${line}`, "red"]),
  ];
}

function aboutPods({ kubelet }: Status): Line[] {
  if (kubelet === undefined || kubelet.podResourcesAnswers) return [];
  const why = kubelet.podResourcesError === "" ? "" : `: ${kubelet.podResourcesError}`;
  return [[`pods     unknown, the kubelet's pod-resources API does not answer${why}`, "yellow"]];
}

/** Other plugins that offer the devices, and why devices could not be set up. */
function aboutDevices(status: Status, view: StatusView): Line[] {
  const sentences = (label: string, text: string, colour: Colour): Line[] => {
    const [first = "", ...rest] = wrap(printable(text), detailWidth(view));
    return [
      [`${label.padEnd(indent)}${first}`, colour],
      ...rest.map((line): Line => [`${" ".repeat(indent)}${line}`, colour]),
    ];
  };
  return [
    ...otherOfferSentences(status).flatMap((text) => sentences("others", text, "yellow")),
    ...(status.devicesDetail === "" ? [] : sentences("devices", status.devicesDetail, "red")),
  ];
}

function inColour(lines: readonly Line[], view: StatusView, indented = 2): string[] {
  return lines.map(([text, colour]) => {
    return `${" ".repeat(indented)}${paint(fit(text, indented, view), colour, view)}`;
  });
}

/** Indent of the text in the lines about kubelet and plugin. */
const indent = "kubelet  ".length;

/** Width of the sentences that say what to do: they are wrapped, not cut. */
function detailWidth({ width }: StatusView): number {
  return Math.min(width, 100) - indent - 2;
}

/** What the table does not show: notes of cordons, what an application does wrong, and why devices are unhealthy, once for those with one reason. */
function remarks(devices: readonly Device[], view: StatusView): string[] {
  const reasonOf = ({ id, reason, detail }: Device) => `${reason} ${detail.replaceAll(id, "")}`;
  const alike = Map.groupBy(devices.filter(isRemarked), reasonOf);
  return devices.flatMap((device) => {
    const { id, cordon, detail } = device;
    const lines: string[] = [];
    if (cordon !== undefined) {
      const since = ageOf(cordon.since, view);
      const note = cordon.note === "" ? "" : `: ${cordon.note}`;
      lines.push(...sentence(`${id} cordoned${since && ` ${since} ago`}${note}`, "yellow", view));
    }
    if (device.readyCamera?.problem) {
      lines.push(...sentence(under(id, device.readyCamera.problem), "yellow", view));
    }
    const [first, ...more] = alike.get(reasonOf(device)) ?? [];
    if (first === device) {
      const text =
        more.length === 0 ? under(id, detail) : `${id} and ${more.length} more: ${detail}`;
      lines.push(...sentence(text, "red", view));
    }
    return lines;
  });
}

/** True if the device's reason is explained below the table. */
function isRemarked(device: Device): boolean {
  return needsAttention(device) && device.detail !== "";
}

/** A sentence that is wrapped, not cut: its end may be what to do. */
function sentence(text: string, colour: Colour, view: StatusView): string[] {
  const columns = Number.isFinite(view.width) ? Math.min(view.width, 100) : view.width;
  return wrap(printable(text), columns - 2).map((line, at) =>
    paint(at === 0 ? fit(line, 0, view) : `  ${fit(line, 2, view)}`, colour, view),
  );
}

const levelColours: Readonly<Partial<Record<LogLevel, Colour>>> = {
  [LogLevel.DEBUG]: "gray",
  [LogLevel.WARN]: "yellow",
  [LogLevel.ERROR]: "red",
};

function lastEvents(events: readonly Event[], view: StatusView): string[] {
  if (events.length === 0) return [];
  const ages = events.map(({ time }) => ageOf(time, view) || "?");
  const ageWidth = Math.max(...ages.map((age) => age.length));
  return [
    paint("Last events, newest first:", "gray", view),
    ...events.map((event, at) => {
      const fields = Object.entries(event.fields).map(
        ([name, value]) => ` ${name}=${plain(value)}`,
      );
      const head = `${(ages[at] ?? "").padStart(ageWidth)} ago  ${levelWord(event.level).padEnd(5)}  `;
      const text = fit(`${event.message} ${fields.join("")}`.trimEnd(), 2 + head.length, view);
      return `  ${paint(head + text, levelColours[event.level], view)}`;
    }),
  ];
}

function plain(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function fit(text: string, indented: number, { width }: StatusView): string {
  return cutEnd(printable(text), Math.max(0, width - indented));
}
