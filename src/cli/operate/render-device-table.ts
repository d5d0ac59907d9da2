import { type Device, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { isAilment } from "../../observe/summary.ts";
import { workWord } from "../../observe/work-word.ts";
import { cutEnd, cutMiddle, printable, renderTable, width } from "../tools/table.ts";
import { ageOf, type Colour, paint, type StatusView } from "./status-view.ts";

const HEADINGS = ["DEVICE", "HEALTH", "SINCE", "USE", "POD", "FORMAT", "RESETS"] as const;
type Heading = (typeof HEADINGS)[number];

/** Columns that may be cut, in this order, and to what width at the least. */
const CUTS: readonly [Heading, number, typeof cutEnd][] = [
  ["POD", 16, cutMiddle],
  ["FORMAT", 10, cutEnd],
  ["POD", 8, cutMiddle],
];

/** Columns that a screen goes without that is too narrow for them, the first one first. */
const DISPENSABLE: readonly Heading[] = ["RESETS", "FORMAT", "SINCE", "POD"];

/** A line for each device under a line of headings. What doesn't fit is cut, then left out, by importance. */
export function renderDeviceTable(devices: readonly Device[], view: StatusView): string[] {
  let headings: readonly Heading[] = HEADINGS;
  const rows = devices.map((device) => cellsOf(device, view));
  const tooWide = () => Math.max(0, tableWidth(headings, rows) - view.width);

  for (const [heading, least, cut] of CUTS) {
    const widest = Math.max(...rows.map((row) => width(row[heading])));
    const target = Math.max(least, widest - tooWide());
    for (const row of rows) row[heading] = cut(row[heading], target);
  }
  for (const heading of DISPENSABLE) {
    if (tooWide() > 0) headings = headings.filter((candidate) => candidate !== heading);
  }
  const painted = rows.map((row, at) => {
    const device = devices[at];
    return headings.map((heading) =>
      paint(row[heading], device && colourOf(heading, device), view),
    );
  });
  return renderTable([headings.map((heading) => paint(heading, "dim", view)), ...painted]);
}

function cellsOf(device: Device, view: StatusView): Record<Heading, string> {
  const { owner } = device;
  const cells = {
    DEVICE: device.id,
    HEALTH: device.reason,
    SINCE: ageOf(device.since, view),
    USE: useOf(device),
    POD: owner === undefined ? "" : `${owner.namespace}/${owner.pod}`,
    FORMAT: device.format,
    RESETS: String(device.resets),
  };
  for (const heading of HEADINGS) cells[heading] = printable(cells[heading]) || "-";
  return cells;
}

const uses: Readonly<Record<Use, string>> = {
  [Use.UNSPECIFIED]: "unknown",
  [Use.FREE]: "free",
  [Use.IN_USE]: "in use",
};

function useOf({ use, clean, work }: Device): string {
  const trace = clean || use === Use.IN_USE ? "" : "unclean";
  const state = workWord(work) ?? trace;
  return `${uses[use]}${state && `, ${state}`}`;
}

function colourOf(heading: Heading, device: Device): Colour | undefined {
  if (heading !== "HEALTH") return undefined;
  if (isAilment(device)) return "red";
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
