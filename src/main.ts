import { runCli } from "./cli/cli.ts";
import { commands } from "./cli/commands.ts";

process.exit(await runCli(process.argv.slice(2), commands));
