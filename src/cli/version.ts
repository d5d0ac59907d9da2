import { version } from "../../package.json";
import { exitCode, program } from "./command.ts";
import { defineCommand } from "./define-command.ts";

/** The program's version, as in package.json. */
export { version };

export const versionCommand = defineCommand("version", {
  usage: ["version"],
  about: "Shows the program's version, its Bun and its platform.",
  async run(_, terminal) {
    const built = `(bun ${Bun.version}, ${process.platform}-${process.arch})`;
    terminal.out(`${program} ${version} ${built}\n`);
    return exitCode.ok;
  },
});
