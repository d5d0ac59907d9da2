import { accept, reject } from "../config/types/option-type.ts";
import { maxNoteLength } from "../devices/cordon/cordons.ts";
import { program } from "./command.ts";
import { changeDevices, deviceForms } from "./operate/change-devices.ts";
import { operateCommand } from "./operate/operate-command.ts";

const note = {
  type: {
    expected: `at most ${maxNoteLength} characters`,
    placeholder: "TEXT",
    parse: (text: string) => ([...text].length > maxNoteLength ? reject() : accept(text)),
  },
  description: `Reason, for other people: at most ${maxNoteLength} characters. "status" shows it.`,
};

export const cordonCommand = operateCommand("cordon", {
  usage: ["cordon DEVICE... [--note TEXT]"],
  about: `Takes devices out of the plugin's offer. A cordoned device is unhealthy, with the reason cordoned, so no pod
gets it until "${program} uncordon", also after a restart. A pod that owns the device keeps it. Cordoning again replaces
the note.

${deviceForms}`,
  exitCodes: ["all devices are cordoned", "at least one is not", "no plugin answers"],
  examples: [`${program} cordon video10 --note "black frames"`, `${program} cordon video1{0..3}`],
  positionals: ["DEVICE..."],
  devices: true,
  flags: { note },
  run: (operation) =>
    changeDevices(
      operation,
      (deviceId) => operation.client.cordonDevice({ deviceId, note: operation.flags.note ?? "" }),
      "is cordoned",
    ),
});

export const uncordonCommand = operateCommand("uncordon", {
  usage: ["uncordon DEVICE..."],
  about: `Has the plugin offer cordoned devices again. A device that isn't cordoned stays as it is.

${deviceForms}`,
  exitCodes: [
    "none of the devices is cordoned any more",
    "at least one still is",
    "no plugin answers",
  ],
  examples: [`${program} uncordon video10`, `${program} uncordon video1{0..3}`],
  positionals: ["DEVICE..."],
  devices: true,
  run: (operation) =>
    changeDevices(
      operation,
      (deviceId) => operation.client.uncordonDevice({ deviceId }),
      "is no longer cordoned",
      "was not cordoned",
    ),
});
