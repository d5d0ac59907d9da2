import { type Logger, type LogLevel, logLevels } from "../common/logger.ts";

/** The lowest level that is logged, for whoever may change it at run time. */
export interface LogLevelControl {
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
}

/**
 * Sets the level; a change is one log line, written while the more talkative of both levels holds.
 *
 * @param by Who wants it, for the log: "SIGUSR2", "the admin API".
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
  const talkative = logLevels.find((one) => one === was || one === level) ?? level;
  if (talkative === level) control.setLevel(level);
  log[talkative === "debug" ? "info" : talkative]("Log level changed", {
    log_level: level,
    was,
    by,
  });
  control.setLevel(level);
  return was;
}

/** What a toggle leads to: `debug`, and from there back to the level of the start. */
export function toggledLevel(level: LogLevel, atStart: LogLevel): LogLevel {
  if (level !== "debug") return "debug";
  return atStart === "debug" ? "info" : atStart;
}
