import { quote } from "../config/problem.ts";
import { type Command, exitCode, type ListedCommand, program } from "./command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type CompletedCommand, grammarOf } from "./completion/grammar.ts";
import { zshScript } from "./completion/zsh.ts";
import { defineCommand } from "./define-command.ts";
import { usageError } from "./usage-error.ts";

const scripts: ReadonlyMap<string, (commands: readonly CompletedCommand[]) => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);

/** The command that prints completion scripts, made from the syntax of the commands. */
export function completionCommand(commands: readonly ListedCommand[]): Command {
  return defineCommand("completion", {
    usage: ["completion bash|zsh|fish"],
    about: `Prints a script with which the shell completes commands, options, their values, and the devices that /dev
has.`,
    examples: [
      `source <(${program} completion bash)   # for this shell; zsh likewise`,
      "# for all shells of their kind:",
      `${program} completion bash \\`,
      `  > /etc/bash_completion.d/${program}`,
      `${program} completion zsh \\`,
      `  > /usr/local/share/zsh/site-functions/_${program}`,
      `${program} completion fish \\`,
      `  > ~/.config/fish/completions/${program}.fish`,
    ],
    positionals: ["bash|zsh|fish"],
    words: [...scripts.keys()],
    async run({ positionals: [shell = ""] }, terminal) {
      const script = scripts.get(shell);
      if (script === undefined) {
        const text = "is no shell known here, expected bash, zsh or fish";
        return usageError([{ subject: quote(shell), text }], "completion --help", terminal);
      }
      terminal.out(script(await grammarOf(commands)));
      return exitCode.ok;
    },
  });
}
