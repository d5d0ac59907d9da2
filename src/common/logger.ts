/** Values of a log line's fields. Field names are stable and snake_case. */
export type LogFields = Record<string, unknown>;

/** Levels as the options know them, the most talkative first. */
export const logLevels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof logLevels)[number];

/**
 * Where events go. `msg` is a constant sentence that can be searched for; whatever varies
 * goes into `fields`: `device_id`, `device_path`, `container_path`, `env_var`, …
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
