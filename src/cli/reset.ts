import { switchFlag } from "./arguments.ts";
import { program } from "./command.ts";
import { changeDevices, deviceForms } from "./operate/change-devices.ts";
import { operateCommand } from "./operate/operate-command.ts";

const flags = {
  force: switchFlag(
    "Also if a pod owns the device. Ends minor_in_use, too, if the kubelet knows no pod for it. A device that a program holds open is never touched.",
  ),
};

export const resetCommand = operateCommand("reset", {
  usage: ["reset DEVICE... [--force]"],
  about: `Has the running plugin bring devices back to the state of new ones, so that nothing of a former user is left on
them. The plugin rejects a device that a pod owns. Where no plugin runs, there is "${program} devices reset".

${deviceForms}`,
  exitCodes: ["all devices were reset", "at least one was not", "no plugin answers"],
  examples: [`${program} reset video10`, `${program} reset 10 11 12 --force`],
  positionals: ["DEVICE..."],
  devices: true,
  flags,
  run: (operation) =>
    changeDevices(
      operation,
      (deviceId) =>
        operation.client.resetDevice({ deviceId, force: operation.flags.force ?? false }),
      "was reset",
    ),
});

export const repairCommand = operateCommand("repair", {
  usage: ["repair DEVICE... [--force]"],
  about: `Has the running plugin repair, without removing them, devices that offer neither capture nor output. v4l2loopback
0.12 leaves a device like that after a program that only wrote to it (reason dead_caps). Where no plugin runs, there is
"${program} devices repair".

${deviceForms}`,
  exitCodes: [
    "no device has anything to repair any more",
    "at least one could not be repaired",
    "no plugin answers",
  ],
  examples: [`${program} repair video10`],
  positionals: ["DEVICE..."],
  devices: true,
  flags,
  run: (operation) =>
    changeDevices(
      operation,
      (deviceId) =>
        operation.client.repairDevice({ deviceId, force: operation.flags.force ?? false }),
      "was repaired",
      "had nothing to repair",
    ),
});
