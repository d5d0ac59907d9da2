import { describeHolders } from "../../../v4l2/holders.ts";
import type { ListedDevice } from "./look.ts";

const HEADINGS = ["DEVICE", "LABEL", "DRIVER", "STATE", "FORMAT", "MODE", "POD", "OPEN IN"];

/** The devices as a table, with a line for each complaint below; ends with a line break. */
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
  const table = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => width(row[column]))));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd(),
  );
  const complaints = devices.flatMap(({ detail }) => (detail === "" ? [] : [detail]));
  return `${[...lines, ...complaints].join("\n")}\n`;
}

/** Columns on a terminal. */
function width(text = ""): number {
  return Bun.stringWidth(text);
}

/** Anybody may have named a camera, and a name must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
