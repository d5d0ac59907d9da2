import { logLevels } from "../common/logger.ts";
import { quote } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { levelWord, parseProtoLevel } from "../observe/log-level.ts";
import { exitCode, program } from "./command.ts";
import { operateCommand } from "./operate/operate-command.ts";
import { usageError } from "./usage-error.ts";

export const logLevelCommand = operateCommand("log-level", {
  usage: ["log-level [LEVEL]"],
  about: `Shows the lowest level that the running plugin logs, or sets it: ${logLevels.join(", ")}. A level that was set
lasts until the process ends; LOG_LEVEL sets it for good.`,
  exitCodes: ["done", "the plugin rejected it", "no plugin answers"],
  examples: [`${program} log-level`, `${program} log-level debug`],
  positionals: ["[LEVEL]"],
  words: logLevels,
  async run({ positionals: [word], client, terminal }) {
    if (word === undefined) {
      const { status } = await client.getStatus({});
      terminal.out(`${levelWord(status?.logLevel ?? 0)}\n`);
      return exitCode.ok;
    }
    const level = parseProtoLevel(word);
    if (level === undefined) {
      const meant = didYouMean(suggest(word.toLowerCase(), logLevels));
      const text = `is no level, expected one of ${logLevels.join(", ")}${meant}`;
      return usageError([{ subject: quote(word), text }], "log-level --help", terminal);
    }
    const { previous } = await client.setLogLevel({ level });
    terminal.out(
      `Logs ${levelWord(level)} and above until the process ends; it was ${levelWord(previous)}.\n`,
    );
    return exitCode.ok;
  },
});
