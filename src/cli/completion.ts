import { quote } from "../config/problem.ts";
import { type Command, type ListedCommand, PROGRAM } from "./command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type CompletedCommand, grammarOf } from "./completion/grammar.ts";
import { zshScript } from "./completion/zsh.ts";
import { exitCode } from "./exit-code.ts";
import { unexpectedArguments, usageError } from "./usage-error.ts";

const SCRIPTS: ReadonlyMap<string, (commands: readonly CompletedCommand[]) => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);

/** The command that prints completion scripts, made of what the commands take. */
export function completionCommand(commands: readonly ListedCommand[]): Command {
  return {
    syntax: { words: [...SCRIPTS.keys()] },
    help: () => `Usage: ${PROGRAM} completion bash|zsh|fish

Prints a script with which the shell completes commands, options, their values and devices (those
that /dev has).

Examples:
  source <(${PROGRAM} completion bash)                       # for this shell; zsh likewise
  ${PROGRAM} completion bash > /etc/bash_completion.d/${PROGRAM}
  ${PROGRAM} completion zsh > /usr/local/share/zsh/site-functions/_${PROGRAM}
  ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish
`,
    async run([shell, ...extra], terminal) {
      if (extra.length > 0) return unexpectedArguments(extra, "completion", terminal);
      const script = SCRIPTS.get(shell ?? "");
      if (script === undefined) {
        const problem =
          shell === undefined
            ? { subject: "bash|zsh|fish", text: "is missing" }
            : { subject: quote(shell), text: "is no shell known here, expected bash, zsh or fish" };
        return usageError([problem], "completion --help", terminal);
      }
      terminal.out(script(await grammarOf(commands)));
      return exitCode.ok;
    },
  };
}
