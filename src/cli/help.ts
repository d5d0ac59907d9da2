import { wrap } from "../config/wrap.ts";
import { type Command, exitCode, type ListedCommand, program } from "./command.ts";
import { renderEntries } from "./command-help.ts";
import { defineCommand } from "./define-command.ts";
import { textColumns } from "./terminal.ts";
import { unknownCommand } from "./usage-error.ts";

/** The command that shows the help of another, and without an argument what commands there are. */
export function helpCommand(commands: readonly ListedCommand[]): Command {
  return defineCommand("help", {
    usage: ["help [COMMAND]"],
    about: "Shows what the program is and its commands, or the help of one command.",
    positionals: ["[COMMAND]"],
    words: commands.map(({ name }) => name),
    async run({ positionals: [name] }, terminal) {
      const wanted = commands.find((candidate) => candidate.name === name);
      if (name !== undefined && wanted === undefined) {
        return unknownCommand(name, commands, terminal);
      }
      const columns = textColumns(terminal);
      terminal.out((await wanted?.load())?.help(columns) ?? renderOverview(commands, columns));
      return exitCode.ok;
    },
  });
}

/** What the program is, its commands and a few examples; ends with a line break. */
function renderOverview(commands: readonly ListedCommand[], columns: number): string {
  const entries = commands.map(({ name, summary }) => [`${name} `, summary] as const);
  return `${program} gives Kubernetes pods cameras: v4l2loopback devices and real ones.

Usage: ${program} [command] [options]

Commands:
${renderEntries(entries, columns).join("\n")}

Examples:
  ${program} demo              # see it work, without a cluster
  ${program}                   # run on this node with the defaults
  ${program} --max-devices 4   # offer four devices
  ${program} doctor            # can the plugin work on this node?
  ${program} status            # what does the running plugin do?

${wrap(closing, columns).join("\n")}
`;
}

const closing = `Every command has --help; "${program} run --help" lists all options. The README says how to deploy the
plugin and how a pod requests a device.`;
