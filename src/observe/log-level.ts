import { type Logger, type LogLevel, logLevels } from "../common/logger.ts";
import { LogLevel as ProtoLevel } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** The lowest level that is logged; it can change at run time. */
export interface LogLevelControl {
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

/**
 * Sets the level and logs the change in one line, written while the lower of both levels holds.
 *
 * @param by Who or what changes it, for the log: "SIGUSR2", "the admin API".
 * @returns the level before.
 */
export function changeLogLevel(
  control: LogLevelControl,
  log: Logger,
  level: LogLevel,
  by: string,
): LogLevel {
  const was = control.level;
  if (was === level) return was;
  const lower = logLevels.find((one) => one === was || one === level) ?? level;
  if (lower === level) control.setLevel(level);
  log[lower === "debug" ? "info" : lower]("Log level changed", { log_level: level, was, by });
  control.setLevel(level);
  return was;
}

/** The level after a toggle: `debug`, and from there back to the level at the start. */
export function toggledLevel(level: LogLevel, atStart: LogLevel): LogLevel {
  if (level !== "debug") return "debug";
  return atStart === "debug" ? "info" : atStart;
}

const protoLevels: Readonly<Record<LogLevel, ProtoLevel>> = {
  debug: ProtoLevel.DEBUG,
  info: ProtoLevel.INFO,
  warn: ProtoLevel.WARN,
  error: ProtoLevel.ERROR,
};

/** Converts a level to the admin API's enum. */
export function toProtoLevel(level: LogLevel): ProtoLevel {
  return protoLevels[level];
}

/** Converts a level of the admin API; undefined for one that this version doesn't know. */
export function fromProtoLevel(level: ProtoLevel): LogLevel | undefined {
  return logLevels.find((word) => protoLevels[word] === level);
}

/** As {@link fromProtoLevel}, for people: `unknown` for a level that this version doesn't know. */
export function levelWord(level: ProtoLevel): string {
  return fromProtoLevel(level) ?? "unknown";
}

/** The admin API's level for a word in any case; undefined if it is no level. */
export function parseProtoLevel(word: string): ProtoLevel | undefined {
  const known = logLevels.find((candidate) => candidate === word.toLowerCase());
  return known && protoLevels[known];
}
