import { type Command, type ListedCommand, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { unexpectedArguments, unknownCommand } from "./usage-error.ts";

/** The command that shows the help of the others, and without an argument what there is. */
export function helpCommand(commands: readonly ListedCommand[]): Command {
  return {
    syntax: { words: commands.map(({ name }) => name) },
    help: () => `Usage: ${PROGRAM} help [command]

Shows what the program is and its commands, or the help of one command.
`,
    async run([name, ...extra], terminal) {
      if (extra.length > 0) return unexpectedArguments(extra, "help", terminal);
      const wanted = commands.find((candidate) => candidate.name === name);
      if (name !== undefined && wanted === undefined) {
        return unknownCommand(name, commands, terminal);
      }
      terminal.out((await wanted?.load())?.help() ?? renderOverview(commands));
      return exitCode.ok;
    },
  };
}

/** What the program is, its commands and a few examples; ends with a line break. */
function renderOverview(commands: readonly ListedCommand[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`);
  const examples = EXAMPLES.filter(([command]) => commands.some(({ name }) => name === command));
  return `${PROGRAM} gives Kubernetes pods video devices (v4l2loopback cameras) of their own.

Usage: ${PROGRAM} [command] [options]

Commands:
${list.join("\n")}

Examples:
${examples.map(([, line]) => `  ${line}`).join("\n")}

Every command has --help; "${PROGRAM} run --help" lists all options and their variables.
The README tells how to deploy it and how a pod asks for a device.
`;
}

/** Which command an example is of, and the example. */
const EXAMPLES: readonly (readonly [string, string])[] = [
  ["demo", `${PROGRAM} demo                      # see it work, without a cluster or a camera`],
  ["run", `${PROGRAM}                           # run on this node with the defaults`],
  ["run", `${PROGRAM} --max-devices 4           # offer four devices`],
  ["doctor", `${PROGRAM} doctor                    # could it do its job here?`],
  ["status", `${PROGRAM} status                    # what the one that runs here does`],
  ["testpattern", `${PROGRAM} testpattern video10       # see a camera without ffmpeg`],
  ["version", `${PROGRAM} version`],
];
