import type { ListedCommand } from "./command.ts";

/** The program's commands, in the order of the help. */
export const commands: readonly ListedCommand[] = [
  {
    name: "run",
    summary: "Offer this node's video devices to its kubelet (the default)",
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "setup",
    summary: "Create the devices once, as run would, and exit",
    load: async () => (await import("./setup.ts")).setupCommand,
  },
  {
    name: "demo",
    summary: "Show the plugin at work on simulated devices, without a cluster",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
  {
    name: "config",
    summary: "Check a config file, or print the configuration as one",
    load: async () => (await import("./config.ts")).configCommand,
  },
  {
    name: "doctor",
    summary: "Check whether the plugin can work on this node",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "status",
    summary: "Show the running plugin's devices: health, pods, last events",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "reset",
    summary: "Have the running plugin reset devices to the state of new ones",
    load: async () => (await import("./reset.ts")).resetCommand,
  },
  {
    name: "repair",
    summary: "Have the running plugin repair devices in place",
    load: async () => (await import("./reset.ts")).repairCommand,
  },
  {
    name: "cordon",
    summary: "Take devices out of the offer; pods keep those they own",
    load: async () => (await import("./cordon.ts")).cordonCommand,
  },
  {
    name: "uncordon",
    summary: "Offer cordoned devices again",
    load: async () => (await import("./cordon.ts")).uncordonCommand,
  },
  {
    name: "log-level",
    summary: "Show or set what the running plugin logs",
    load: async () => (await import("./log-level.ts")).logLevelCommand,
  },
  {
    name: "probe",
    summary: "Ask the running plugin whether it is live or ready",
    load: async () => (await import("./probe.ts")).probeCommand,
  },
  {
    name: "devices",
    summary: "List video devices; add, remove, reset, repair loopback ones",
    load: async () => (await import("./devices.ts")).devicesCommand,
  },
  {
    name: "testpattern",
    summary: "Write moving colour bars to a device, as a camera would",
    load: async () => (await import("./testpattern.ts")).testpatternCommand,
  },
  {
    name: "snapshot",
    summary: "Save a frame of a device as PNG, or check the stream",
    load: async () => (await import("./snapshot.ts")).snapshotCommand,
  },
  {
    name: "completion",
    summary: "Print a completion script for bash, zsh or fish",
    load: async () => (await import("./completion.ts")).completionCommand(commands),
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

/** Commands that the program starts itself, which no help lists. */
export const innerCommands: readonly ListedCommand[] = [
  {
    name: "ask-nodes",
    summary: "Open video devices that may hang, for run, devices and snapshot",
    load: async () => (await import("./ask-nodes.ts")).askNodesCommand,
  },
];
