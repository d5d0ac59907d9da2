import type { FlagSpec } from "../config/argv.ts";
import { maxNoteLength } from "../devices/cordon/cordons.ts";
import { type Command, PROGRAM } from "./command.ts";
import { changeDevices } from "./operate/change-devices.ts";
import { OPERATE_OPTIONS, operate, wrongValue } from "./operate/operation.ts";

const noteFlag: FlagSpec = {
  flag: "note",
  isSwitch: false,
  expected: `at most ${maxNoteLength} characters`,
  description: "Why, for whoever comes next",
};

export const cordonCommand: Command = {
  syntax: { flags: [noteFlag], options: OPERATE_OPTIONS, devices: true },
  help: () => `Usage: ${PROGRAM} cordon DEVICE... [--note TEXT]

Takes devices out of what the plugin on this node offers: they count as unhealthy, with the reason cordoned, so that
no pod gets them, until "${PROGRAM} uncordon", also over restarts. Whoever has one keeps it.
Cordoning again replaces the note.

DEVICE is 10, video10 or a path. Exit code 0 means that all are cordoned, 1 that one is not, 2 that no
plugin answers.

Options:
  --note TEXT           Why, for whoever comes next: at most ${maxNoteLength} characters; "status" shows it.
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} cordon video10 --note "black frames, looking into it"
  ${PROGRAM} cordon video1{0..3}
`,

  run: (argv, terminal) => {
    const spec = { positionals: ["DEVICE..."], flags: [noteFlag] };
    return operate("cordon", spec, argv, terminal, async (operation) => {
      const note = operation.flags.get("note") ?? "";
      if ([...note].length > maxNoteLength) return wrongValue("cordon", noteFlag, note, terminal);
      return changeDevices(
        operation,
        (deviceId) => operation.client.cordonDevice({ deviceId, note }),
        "is cordoned",
      );
    });
  },
};
