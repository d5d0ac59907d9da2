import { answerQuestion, type Question, questions } from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { usageError } from "./usage-error.ts";

const words = Object.keys(questions);

/** The child process of `askNodes`: its only purpose is that it, and not its parent, hangs with a camera that does. */
export const askNodesCommand = defineCommand("ask-nodes", {
  usage: [`ask-nodes ${words.join("|")} PATH...`],
  about: `Opens video devices and prints what each answers, a JSON object a line: what it is, the status of its input, or which
controls it has not reset. "run", "devices" and "snapshot" start this command themselves.`,
  positionals: [words.join("|"), "PATH..."],
  words,
  async run({ positionals: [question = "", ...paths] }, terminal) {
    if (!isQuestion(question)) {
      const text = `is no question, expected ${words.join(", ")}`;
      return usageError([{ subject: question, text }], "ask-nodes --help", terminal);
    }
    answerQuestion(question, paths, linuxCalls(), (line) => {
      terminal.out(`${JSON.stringify(line)}\n`);
    });
    return exitCode.ok;
  },
});

function isQuestion(word: string): word is Question {
  return words.includes(word);
}
