import { wrap } from "../../config/wrap.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { describeHolders, type Holder } from "../../v4l2/holders.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { fitTable, type Step } from "../tools/fit-table.ts";
import { cutEnd, cutMiddle, printable, renderTable } from "../tools/table.ts";
import { describeKind, describeState, describeTrouble } from "./describe-camera.ts";
import { type CameraPlace, describePlace } from "./place-cameras.ts";

const headings = [
  ...(["NODES", "KIND", "LABEL", "STATE", "POOL", "IDENTITY", "DRIVER", "OPEN IN"] as const),
];
type Heading = (typeof headings)[number];

/** How the table becomes narrower. */
const steps: readonly Step<Heading>[] = [
  { heading: "OPEN IN", least: 12, cut: cutEnd },
  "DRIVER",
  { heading: "LABEL", least: 12, cut: cutEnd },
  { heading: "IDENTITY", least: 16, cut: cutMiddle },
  { heading: "NODES", least: 12, cut: cutEnd },
  "LABEL",
  "OPEN IN",
  "POOL",
];

/**
 * Devices with hardware behind them as a table, a row for each, with a sentence below for each node that has trouble; ends
 * with a line break.
 *
 * @param columns Width of the screen. Default Infinity, which keeps lines whole.
 * @param places Their pools, by identity; empty leaves out what is about pools. Default: empty.
 */
export function renderCameras(
  cameras: readonly PhysicalDevice<CameraNode>[],
  holdersOf: (node: CameraNode) => readonly Holder[],
  columns = Number.POSITIVE_INFINITY,
  places: ReadonlyMap<string, CameraPlace> = new Map(),
): string {
  const cells = cameras.map((camera): Record<Heading, string> => {
    const holders = camera.nodes.flatMap(holdersOf);
    const once = holders.filter(({ pid }, at) => holders.findIndex((h) => h.pid === pid) === at);
    return {
      NODES: camera.nodes.map(({ number }) => deviceId(number)).join(" "),
      KIND: describeKind(camera),
      LABEL: printable(camera.nodes[0]?.name ?? ""),
      STATE: describeState(camera),
      POOL: places.get(camera.id)?.pool ?? "-",
      IDENTITY: camera.id,
      DRIVER: camera.nodes[0]?.driver ?? "?",
      "OPEN IN": once.length === 0 ? "-" : describeHolders(once),
    };
  });
  const shown = headings.filter((heading) => heading !== "POOL" || places.size > 0);
  const fitting = fitTable({ headings: shown, rows: cells, steps }, columns);
  const rows = fitting.rows.map((row) => fitting.headings.map((heading) => row[heading]));
  const troubles = cameras.flatMap(({ nodes }) => nodes.map(describeTrouble));
  const strangers = [...places].map(([id, place]) => printable(describePlace(id, place)));
  const details = [...troubles, ...strangers].flatMap((text) =>
    text === "" ? [] : wrap(text, columns),
  );
  return `${[...renderTable([fitting.headings, ...rows]), ...details].join("\n")}\n`;
}
