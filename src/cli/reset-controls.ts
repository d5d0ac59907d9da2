import { answerResets } from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";

/** The child process that resets a camera's controls: with a camera that answers no more, it hangs, and not its parent. */
export const resetControlsCommand = defineCommand("reset-controls", {
  usage: ["reset-controls PATH..."],
  about: `Sets the controls of video devices to their defaults and prints what came of it, a JSON object a line. The plugin
starts this command itself, between two pods.`,
  positionals: ["PATH..."],
  async run({ positionals }, terminal) {
    answerResets(positionals, linuxCalls(), (line) => {
      terminal.out(`${JSON.stringify(line)}\n`);
    });
    return exitCode.ok;
  },
});
