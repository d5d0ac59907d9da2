import type { ListedCommand } from "./command.ts";

/** The program's commands, in the order in which help lists them. */
export const commands: readonly ListedCommand[] = [
  {
    name: "run",
    summary: "Offer this node's video devices to its kubelet (the default)",
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "demo",
    summary: "Show the plugin at work, with an embedded kubelet and simulated devices",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
  {
    name: "doctor",
    summary: "Check whether the plugin could do its job on this node, and what to do if not",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "devices",
    summary: "List, add, remove, reset and repair loopback devices",
    load: async () => (await import("./devices.ts")).devicesCommand,
  },
  {
    name: "testpattern",
    summary: "Feed moving colour bars into a device, so that it can be seen as a camera",
    load: async () => (await import("./testpattern.ts")).testpatternCommand,
  },
  {
    name: "snapshot",
    summary: "Save what a device shows as a PNG file, or check that frames come through",
    load: async () => (await import("./snapshot.ts")).snapshotCommand,
  },
  {
    name: "version",
    summary: "Show the version",
    load: async () => (await import("./version.ts")).versionCommand,
  },
  {
    name: "help",
    summary: "Show this text, or the help of a command",
    load: async () => (await import("./help.ts")).helpCommand(commands),
  },
];
