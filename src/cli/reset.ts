import { PROGRAM } from "./command.ts";
import { careCommand } from "./operate/care-command.ts";

export const resetCommand = careCommand({
  name: "reset",
  past: "reset",
  about: `Has the plugin that runs on this node bring devices back to the state of new ones, one after the other: nothing
of a former user is left on them. A device that a pod has is left alone. Where no plugin runs, there is
"${PROGRAM} devices reset".`,
  outcome: "is as new",
  call: (client, request) => client.resetDevice(request),
});
