import { logLevels } from "../common/logger.ts";
import { quote } from "../config/problem.ts";
import { didYouMean, suggest } from "../config/suggest.ts";
import { levelWord, parseProtoLevel } from "../observe/log-level.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { operate } from "./operate/operation.ts";
import { usageError } from "./usage-error.ts";

export const logLevelCommand: Command = {
  syntax: { options: ["adminSocket"], words: logLevels },
  help: () => `Usage: ${PROGRAM} log-level [LEVEL]

Shows the lowest level that the plugin on this node logs, or sets it: ${logLevels.join(", ")}. What is set holds until
the process ends; LOG_LEVEL sets it for good.

Exit code 2 means that no plugin answers.

Options:
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Examples:
  ${PROGRAM} log-level
  ${PROGRAM} log-level debug
`,

  run: (argv, terminal) => {
    const spec = {
      positionals: ["[LEVEL]"],
      flags: [],
      options: ["adminSocket"],
    } as const;
    return operate("log-level", spec, argv, terminal, async ({ positionals: [word], client }) => {
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
    });
  },
};
