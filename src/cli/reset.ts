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

export const resetCommand: Command = {
  syntax: { flags, options: OPERATE_OPTIONS, devices: true },
  help: () => `Usage: ${PROGRAM} reset DEVICE... [--force]

Has the plugin that runs on this node bring devices back to the state of new ones, one after the other: nothing
of a former user is left on them. A device that a pod has is left alone. Where no plugin runs, there is
"${PROGRAM} devices reset".

DEVICE is 10, video10 or a path. Exit code 0 means that all were reset, 1 that one was not, 2 that
no plugin answers.

Options:
  --force               Also if a pod has it. One that a program has open is never touched.
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} reset video10
  ${PROGRAM} reset 10 11 12 --force
`,

  run: (argv, terminal) =>
    operate("reset", { positionals: ["DEVICE..."], flags }, argv, terminal, (operation) => {
      const force = operation.flags.get("force") === "true";
      return changeDevices(
        operation,
        (deviceId) => operation.client.resetDevice({ deviceId, force }),
        "is as new",
      );
    }),
};
