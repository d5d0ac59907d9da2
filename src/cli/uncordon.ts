import { type Command, PROGRAM } from "./command.ts";
import { changeDevices } from "./operate/change-devices.ts";
import { OPERATE_OPTIONS, operate } from "./operate/operation.ts";

export const uncordonCommand: Command = {
  syntax: { options: OPERATE_OPTIONS, devices: true },
  help: () => `Usage: ${PROGRAM} uncordon DEVICE...

Has the plugin on this node offer devices again that "${PROGRAM} cordon" took away. One that isn't
cordoned stays as it is.

DEVICE is 10, video10 or a path. Exit code 0 means that none of them is cordoned, 1 that one still is, 2 that
no plugin answers.

Options:
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} uncordon video10
  ${PROGRAM} uncordon video1{0..3}
`,

  run: (argv, terminal) =>
    operate("uncordon", { positionals: ["DEVICE..."], flags: [] }, argv, terminal, (operation) =>
      changeDevices(
        operation,
        (deviceId) => operation.client.uncordonDevice({ deviceId }),
        "is not cordoned any more",
      ),
    ),
};
