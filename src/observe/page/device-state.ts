import { type Device, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** What a device is shown as: `ready` is healthy without proof that it is free or in use. */
export type DeviceKind = "free" | "in-use" | "ready" | "cordoned" | "retired" | "unhealthy";

/** In the order in which they are counted on the page. */
export const deviceKinds: readonly DeviceKind[] = [
  "in-use",
  "free",
  "ready",
  "cordoned",
  "retired",
  "unhealthy",
];

/** How a kind is called where devices are counted. */
export const kindWords: Readonly<Record<DeviceKind, string>> = {
  "in-use": "in use",
  free: "free",
  ready: "ready",
  cordoned: "cordoned",
  retired: "retired",
  unhealthy: "unhealthy",
};

/** Not healthy because an operator wanted it so. */
const deliberate = ["cordoned", "retired"] as const;

/** Health comes first: a lost device that a pod has is lost. One that is cordoned and lost, too, is lost. */
export function deviceKind(device: Device): DeviceKind {
  if (!device.healthy) return deliberate.find((kind) => kind === device.reason) ?? "unhealthy";
  if (device.use === Use.IN_USE) return "in-use";
  return device.use === Use.FREE ? "free" : "ready";
}

/** The state in a word or two: the kind, or why the device isn't healthy. */
export function stateWord(device: Device): string {
  const kind = deviceKind(device);
  if (kind !== "unhealthy") return kindWords[kind];
  return device.reason.replaceAll("_", " ") || kindWords.unhealthy;
}
