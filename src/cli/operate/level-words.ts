import { LogLevel } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** Levels as the options know them, the most talkative first. */
export const LEVEL_WORDS = ["debug", "info", "warn", "error"] as const;

const LEVELS: Readonly<Record<(typeof LEVEL_WORDS)[number], LogLevel>> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};

/** The level of a word, in any case; undefined if it is none. */
export function levelOf(word: string): LogLevel | undefined {
  const known = LEVEL_WORDS.find((candidate) => candidate === word.toLowerCase());
  return known && LEVELS[known];
}

/** `info`; `unknown` for a level that this version doesn't know. */
export function levelWord(level: LogLevel): string {
  return LEVEL_WORDS.find((word) => LEVELS[word] === level) ?? "unknown";
}
