import { PROGRAM } from "./command.ts";
import { careCommand } from "./operate/care-command.ts";

export const repairCommand = careCommand({
  name: "repair",
  past: "repaired",
  about: `Has the plugin that runs on this node mend, without removing them, devices that offer neither capture nor output,
as v4l2loopback 0.12 leaves them after a program that only wrote to them (reason dead_caps). Where no plugin
runs, there is "${PROGRAM} devices repair".`,
  outcome: "works",
  call: (client, request) => client.repairDevice(request),
});
