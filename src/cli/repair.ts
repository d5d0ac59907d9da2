import type { FlagSpec } from "../config/argv.ts";
import { type Command, PROGRAM } from "./command.ts";
import { changeDevices } from "./operate/change-devices.ts";
import { OPERATE_OPTIONS, operate } from "./operate/operation.ts";

const flags: readonly FlagSpec[] = [
  {
    flag: "force",
    isSwitch: true,
    expected: "nothing",
    description: "Also if a pod has the device",
  },
];

export const repairCommand: Command = {
  syntax: { flags, options: OPERATE_OPTIONS, devices: true },
  help: () => `Usage: ${PROGRAM} repair DEVICE... [--force]

Has the plugin that runs on this node mend, without removing them, devices that offer neither capture nor output,
as v4l2loopback 0.12 leaves them after a program that only wrote to them (reason dead_caps). Where no plugin
runs, there is "${PROGRAM} devices repair".

DEVICE is 10, video10 or a path. Exit code 0 means that all were repaired, 1 that one was not, 2 that
no plugin answers.

Options:
  --force               Also if a pod has it. One that a program has open is never touched.
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} repair video10
  ${PROGRAM} repair 10 11 12 --force
`,

  run: (argv, terminal) =>
    operate("repair", { positionals: ["DEVICE..."], flags }, argv, terminal, (operation) => {
      const force = operation.flags.get("force") === "true";
      return changeDevices(
        operation,
        (deviceId) => operation.client.repairDevice({ deviceId, force }),
        "works",
      );
    }),
};
