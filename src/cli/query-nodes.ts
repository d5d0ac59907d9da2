import { answerQueries } from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";

/** The child process of `queryNodes`: its only purpose is that it, and not its parent, hangs with a camera that does. */
export const queryNodesCommand = defineCommand("query-nodes", {
  usage: ["query-nodes PATH..."],
  about: `Opens video devices and prints what each says of itself, a JSON object a line. "devices" and "snapshot" start this
command themselves, and list what it finds.`,
  positionals: ["PATH..."],
  async run({ positionals }, terminal) {
    answerQueries(positionals, linuxCalls(), (line) => {
      terminal.out(`${JSON.stringify(line)}\n`);
    });
    return exitCode.ok;
  },
});
