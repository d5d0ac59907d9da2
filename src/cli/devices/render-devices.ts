import { describeHolders } from "../../v4l2/holders.ts";
import { printable, renderTable } from "../tools/table.ts";
import type { ListedDevice } from "./list-devices.ts";

const headings = ["DEVICE", "LABEL", "DRIVER", "STATE", "FORMAT", "MODE", "POD", "OPEN IN"];

/** The devices as a table, with a line below for each that is not ok; ends with a line break. */
export function renderDevices(devices: readonly ListedDevice[]): string {
  const rows = devices.map((device) => [
    device.id,
    printable(device.label),
    device.driver ?? "?",
    device.state !== "ok" ? device.state : device.streaming ? "streaming" : "idle",
    device.format === "" ? "-" : device.format,
    device.mode ?? "-",
    device.pod ?? "-",
    device.holders.length === 0 ? "-" : describeHolders(device.holders),
  ]);
  const lines = renderTable([headings, ...rows]);
  const details = devices.flatMap(({ detail }) => (detail === "" ? [] : [detail]));
  return `${[...lines, ...details].join("\n")}\n`;
}
