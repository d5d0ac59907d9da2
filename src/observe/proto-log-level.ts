import { type LogLevel, logLevels } from "../common/logger.ts";
import { LogLevel as ProtoLevel } from "../gen/videodevice/admin/v1/admin_pb.ts";

const toProto: Readonly<Record<LogLevel, ProtoLevel>> = {
  debug: ProtoLevel.DEBUG,
  info: ProtoLevel.INFO,
  warn: ProtoLevel.WARN,
  error: ProtoLevel.ERROR,
};

/** Our word as the API's. */
export function protoLevel(level: LogLevel): ProtoLevel {
  return toProto[level];
}

/** The API's as our word; undefined for one that this version doesn't know. */
export function logLevelOf(level: ProtoLevel): LogLevel | undefined {
  return logLevels.find((word) => toProto[word] === level);
}

/** The same for people: `unknown` for one that this version doesn't know. */
export function levelWord(level: ProtoLevel): string {
  return logLevelOf(level) ?? "unknown";
}

/** The API's level of a word, in any case; undefined if it is none. */
export function levelNamed(word: string): ProtoLevel | undefined {
  const known = logLevels.find((candidate) => candidate === word.toLowerCase());
  return known && toProto[known];
}
