import { version } from "../../package.json";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { unexpectedArguments } from "./usage-error.ts";

/** The program's version, as in package.json. */
export const VERSION = version;

/** `video-device-plugin 0.1.0 (bun 1.4.5, linux-x64)`. */
function versionLine(): string {
  return `${PROGRAM} ${VERSION} (bun ${Bun.version}, ${process.platform}-${process.arch})`;
}

export const versionCommand: Command = {
  syntax: {},
  help: () => `Usage: ${PROGRAM} version

Shows the program's version, the Bun it is built with and the platform it is built for.
`,
  async run(argv, terminal) {
    if (argv.length > 0) return unexpectedArguments(argv, "version", terminal);
    terminal.out(`${versionLine()}\n`);
    return exitCode.ok;
  },
};
