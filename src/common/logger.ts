/** Values of a log line's fields. Field names are stable and snake_case. */
export type LogFields = Record<string, unknown>;

/** Values of the option LOG_LEVEL, the most verbose first. */
export const logLevels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof logLevels)[number];

/**
 * Takes events. `msg` is a constant that can be searched for; what varies goes into `fields`: `device_id`,
 * `device_path`, `container_path`, `env_var`, …
 */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
