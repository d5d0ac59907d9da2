import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { formatAge } from "../../common/format-age.ts";
import type { Device, Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceWords } from "../../observe/device-words.ts";
import { needsAttention } from "../../observe/summary.ts";
import {
  type Colour,
  cutEnd,
  cutMiddle,
  paint,
  printable,
  renderTable,
  width,
} from "../tools/table.ts";

/** How to show a status. */
export interface StatusView {
  /** ms since the epoch, for ages. */
  readonly now: number;
  /** Columns of the screen, at least 40; longer lines are cut. Infinity keeps them whole. */
  readonly width: number;
  readonly colour: boolean;
  /** Number of last events to show. */
  readonly events: number;
}

const allHeadings = [
  "DEVICE",
  "HEALTH",
  "SINCE",
  "USE",
  "POD",
  "OWNED",
  "FORMAT",
  "RESETS",
] as const;
type Heading = (typeof allHeadings)[number];

/** Columns that may be cut, in this order, with their least widths. */
const cuts: readonly [Heading, number, typeof cutEnd][] = [
  ["POD", 16, cutMiddle],
  ["FORMAT", 10, cutEnd],
  ["POD", 8, cutMiddle],
];

/** Columns that are left out on a narrow screen, the first one first. */
const dispensable: readonly Heading[] = ["RESETS", "OWNED", "FORMAT", "SINCE", "POD"];

/** Renders headings and a line for each device. To fit the screen, cells are cut and then columns left out. */
export function renderDeviceTable(status: Status, view: StatusView): string[] {
  const { devices } = status;
  const rows = devices.map((device) => cellsOf(device, status, view));
  const hasOwners = devices.some(({ owner }) => owner?.since !== undefined);
  let headings = allHeadings.filter((heading) => heading !== "OWNED" || hasOwners);
  const tooWide = () => Math.max(0, tableWidth(headings, rows) - view.width);

  for (const [heading, least, cut] of cuts) {
    const widest = Math.max(...rows.map((row) => width(row[heading])));
    const target = Math.max(least, widest - tooWide());
    for (const row of rows) row[heading] = cut(row[heading], target);
  }
  for (const heading of dispensable) {
    if (tooWide() > 0) headings = headings.filter((candidate) => candidate !== heading);
  }
  const painted = rows.map((row, at) => {
    const device = devices[at];
    return headings.map((heading) =>
      paint(row[heading], device && colourOf(heading, device), view),
    );
  });
  return renderTable([headings.map((heading) => paint(heading, "gray", view)), ...painted]);
}

function cellsOf(device: Device, { kubelet }: Status, view: StatusView): Record<Heading, string> {
  const { owner } = device;
  const { health, use, note } = deviceWords(device, kubelet);
  const cells = {
    DEVICE: device.id,
    HEALTH: health,
    SINCE: ageOf(device.since, view),
    USE: note === "" ? use : `${use}, ${note}`,
    POD: owner === undefined ? "" : `${owner.namespace}/${owner.pod}`,
    OWNED: ownedFor(device, view),
    FORMAT: device.format,
    RESETS: String(device.resets),
  };
  for (const heading of allHeadings) cells[heading] = printable(cells[heading]) || "-";
  return cells;
}

/** How long the pod has owned the device: `>2h5m` if for longer than this process can know. */
function ownedFor({ owner }: Device, view: StatusView): string {
  const age = ageOf(owner?.since, view);
  return age === "" || owner?.sinceIsExact ? age : `>${age}`;
}

function colourOf(heading: Heading, device: Device): Colour | undefined {
  if (heading !== "HEALTH") return undefined;
  if (needsAttention(device)) return "red";
  return device.healthy ? "green" : "yellow";
}

function tableWidth(
  headings: readonly Heading[],
  rows: readonly Record<Heading, string>[],
): number {
  const widths = headings.map((heading) =>
    Math.max(width(heading), ...rows.map((row) => width(row[heading]))),
  );
  return widths.reduce((sum, columns) => sum + columns, 2 * (headings.length - 1));
}

/** Time since `since`; empty if unset. */
export function ageOf(since: Timestamp | undefined, { now }: Pick<StatusView, "now">): string {
  return since === undefined ? "" : formatAge(now - timestampMs(since));
}
