import type { ListedCommand } from "./command.ts";

/** The program's commands, in the order in which help lists them. */
export const commands: readonly ListedCommand[] = [
  {
    name: "run",
    summary: "Offer this node's video devices to its kubelet (the default)",
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "setup",
    summary: "Make the devices once, as run would, and exit",
    load: async () => (await import("./setup.ts")).setupCommand,
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
    name: "status",
    summary: "Show the running plugin's devices: health, who has them, what happened last",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "reset",
    summary: "Have the running plugin bring devices back to the state of new ones",
    load: async () => (await import("./reset.ts")).resetCommand,
  },
  {
    name: "repair",
    summary: "Have the running plugin mend devices in place",
    load: async () => (await import("./repair.ts")).repairCommand,
  },
  {
    name: "cordon",
    summary: "Take devices out of the offer; whoever has them keeps them",
    load: async () => (await import("./cordon.ts")).cordonCommand,
  },
  {
    name: "uncordon",
    summary: "Offer cordoned devices again",
    load: async () => (await import("./uncordon.ts")).uncordonCommand,
  },
  {
    name: "log-level",
    summary: "Show or set what the running plugin logs",
    load: async () => (await import("./log-level.ts")).logLevelCommand,
  },
  {
    name: "probe",
    summary: "Ask the running plugin whether it is live or ready, for probes of Kubernetes",
    load: async () => (await import("./probe.ts")).probeCommand,
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
    name: "completion",
    summary: "Print what makes bash, zsh or fish complete these commands",
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
