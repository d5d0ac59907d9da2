import { wrap } from "../../config/wrap.ts";
import {
  type Device,
  type Event,
  LogLevel,
  type Status,
} from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { levelWord } from "../../observe/proto-log-level.ts";
import { isAilment, type Verdict, verdict } from "../../observe/summary.ts";
import { cutEnd, printable, under } from "../tools/table.ts";
import { renderDeviceTable } from "./render-device-table.ts";
import { ageOf, type Colour, paint, type StatusView } from "./status-view.ts";

/**
 * A node's status as lines for people: how it is, what is registered, a table of the devices, what is wrong with
 * which, and what happened last.
 */
export function renderStatus(status: Status, view: StatusView): string[] {
  const blocks = [
    [headline(status, view), ...about(status, view)],
    status.devices.length === 0
      ? ["There are no devices."]
      : renderDeviceTable(status.devices, view),
    status.devices.flatMap((device) => remarks(device, view)),
    lastEvents(status.events.slice(0, view.events), view),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .flatMap((block, i) => (i > 0 ? ["", ...block] : block));
}

const MARKS: Readonly<Record<Verdict["level"], readonly [string, Colour]>> = {
  good: ["✓", "green"],
  warn: ["!", "yellow"],
  bad: ["✗", "red"],
};

function headline(status: Status, view: StatusView): string {
  const { level, sentence } = verdict(status);
  const [mark, colour] = MARKS[level];
  const text = cutEnd(`${printable(status.nodeName)}: ${sentence}`, view.width - 2);
  return `${paint(mark, colour, view)} ${paint(text, "bold", view)}`;
}

function about(status: Status, view: StatusView): string[] {
  const { kubelet } = status;
  const since = ageOf(kubelet?.since, view);
  const duration = since === "" ? "" : ` for ${since}`;
  const registration =
    kubelet?.registered === true
      ? `registered${duration} as ${status.resourceName}`
      : `not registered${duration}: ${kubelet?.reason || "unknown"}`;
  const up = ageOf(status.startedAt, view);
  const program = [
    `plugin   ${status.version}`,
    status.driver,
    ...(up === "" ? [] : [`up ${up}`]),
    `log level ${levelWord(status.logLevel)}`,
  ].join(", ");
  const lines: [string, Colour | undefined][] = [
    [`kubelet  ${registration}`, kubelet?.registered === true ? undefined : "red"],
    [program, undefined],
  ];
  if (kubelet !== undefined && !kubelet.podResourcesAnswers) {
    const why = kubelet.podResourcesError === "" ? "" : `: ${kubelet.podResourcesError}`;
    lines.push([
      `pods     unknown, the kubelet's pod-resources API does not answer${why}`,
      "yellow",
    ]);
  }
  const detail = kubelet?.detail ? wrap(printable(kubelet.detail), detailWidth(view)) : [];
  return [
    ...lines.slice(0, 1),
    ...detail.map((line): [string, Colour] => [`${" ".repeat(INDENT)}${line}`, "red"]),
    ...lines.slice(1),
  ].map(([text, colour]) => `  ${paint(fit(text, 2, view), colour, view)}`);
}

/** Where the words of the lines about kubelet and plugin begin. */
const INDENT = "kubelet  ".length;

/** Of the sentences that say what to do: they are broken into lines, since one that is cut says nothing. */
function detailWidth({ width }: StatusView): number {
  return Math.min(width, 100) - INDENT - 2;
}

/** What the table's words leave open: why a device isn't healthy, and what the one who cordoned it noted. */
function remarks(device: Device, view: StatusView): string[] {
  const lines: string[] = [];
  const { id, cordon, detail } = device;
  if (cordon !== undefined) {
    const since = ageOf(cordon.since, view);
    const note = cordon.note === "" ? "" : `: ${cordon.note}`;
    lines.push(
      paint(fit(`${id} cordoned${since && ` ${since} ago`}${note}`, 0, view), "yellow", view),
    );
  }
  if (isAilment(device) && detail !== "") {
    lines.push(paint(fit(under(id, detail), 0, view), "red", view));
  }
  return lines;
}

const LEVEL_COLOURS: Readonly<Partial<Record<LogLevel, Colour>>> = {
  [LogLevel.DEBUG]: "dim",
  [LogLevel.WARN]: "yellow",
  [LogLevel.ERROR]: "red",
};

function lastEvents(events: readonly Event[], view: StatusView): string[] {
  if (events.length === 0) return [];
  const ages = events.map(({ time }) => ageOf(time, view) || "?");
  const ageWidth = Math.max(...ages.map((age) => age.length));
  return [
    paint("Last events, newest first:", "dim", view),
    ...events.map((event, at) => {
      const fields = Object.entries(event.fields).map(
        ([name, value]) => ` ${name}=${plain(value)}`,
      );
      const head = `${(ages[at] ?? "").padStart(ageWidth)} ago  ${levelWord(event.level).padEnd(5)}  `;
      const text = fit(`${event.message} ${fields.join("")}`.trimEnd(), 2 + head.length, view);
      return `  ${paint(head + text, LEVEL_COLOURS[event.level], view)}`;
    }),
  ];
}

function plain(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function fit(text: string, indent: number, { width }: StatusView): string {
  return cutEnd(printable(text), Math.max(0, width - indent));
}
