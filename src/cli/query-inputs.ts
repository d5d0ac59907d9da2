import { answerInputs } from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";

/** The child process that asks capture cards for their signals: with a card that answers no more, it hangs, and not its parent. */
export const queryInputsCommand = defineCommand("query-inputs", {
  usage: ["query-inputs PATH..."],
  about: `Prints the input that each video device has selected, and its status, a JSON object a line. The plugin starts this
command itself, for pools that show signals.`,
  positionals: ["PATH..."],
  async run({ positionals }, terminal) {
    answerInputs(positionals, linuxCalls(), (line) => {
      terminal.out(`${JSON.stringify(line)}\n`);
    });
    return exitCode.ok;
  },
});
