import { runCli } from "./cli/cli.ts";
import { commands, innerCommands } from "./cli/commands.ts";

process.exit(await runCli(process.argv.slice(2), [...commands, ...innerCommands]));
