import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { formatAge } from "../../common/format-age.ts";
import type { Device, Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceWords, pictureWord } from "../../observe/device-words.ts";
import { needsAttention } from "../../observe/summary.ts";
import { fitTable, type Step } from "../tools/fit-table.ts";
import { type Colour, cutEnd, cutMiddle, paint, printable, renderTable } from "../tools/table.ts";

/** How to show a status. */
export interface StatusView {
  /** ms since the epoch, for ages. */
  readonly now: number;
  /** Columns of the screen, at least 40; longer lines are cut. Infinity keeps them whole. */
  readonly width: number;
  /** Lines of the screen; undefined if it scrolls, so that all is shown in the order of the devices. */
  readonly rows?: number;
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
  "SHOWS",
  "FORMAT",
  "RESETS",
] as const;
type Heading = (typeof allHeadings)[number];

/** How the table becomes narrower. */
const steps: readonly Step<Heading>[] = [
  { heading: "POD", least: 16, cut: cutMiddle },
  { heading: "FORMAT", least: 10, cut: cutEnd },
  "RESETS",
  { heading: "POD", least: 12, cut: cutMiddle },
  "OWNED",
  { heading: "POD", least: 8, cut: cutMiddle },
  "FORMAT",
  "SINCE",
  "SHOWS",
  "POD",
];

/** Renders headings and a line for each device. To fit the screen, cells are cut and then columns left out. */
export function renderDeviceTable(status: Status, view: StatusView): string[] {
  const { devices } = status;
  const cells = devices.map((device) => cellsOf(device, status, view));
  const hasOwners = devices.some(({ owner }) => owner?.since !== undefined);
  const isReady = devices.some(({ readyCamera }) => readyCamera !== undefined);
  const wanted = allHeadings.filter(
    (heading) => (heading !== "OWNED" || hasOwners) && (heading !== "SHOWS" || isReady),
  );
  const { headings, rows } = fitTable({ headings: wanted, rows: cells, steps }, view.width);
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
  const { health, use, note, signal } = deviceWords(device, kubelet);
  const cells: Record<Heading, string> = {
    DEVICE: device.id,
    HEALTH: health,
    SINCE: ageOf(device.since, view),
    USE: [use, note, signal].filter((word) => word !== "").join(", "),
    POD: owner === undefined ? "" : `${owner.namespace}/${owner.pod}`,
    OWNED: ownedFor(device, view),
    SHOWS: pictureWord(device),
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
  if (heading === "SHOWS" && device.readyCamera?.problem) return "yellow";
  if (heading !== "HEALTH") return undefined;
  if (needsAttention(device)) return "red";
  return device.healthy ? "green" : "yellow";
}

/** Time since `since`; empty if unset. */
export function ageOf(since: Timestamp | undefined, { now }: Pick<StatusView, "now">): string {
  return since === undefined ? "" : formatAge(now - timestampMs(since));
}
