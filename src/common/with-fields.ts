import type { LogFields, Logger } from "./logger.ts";

/** A logger that adds `more` to the fields of each event. */
export function withFields(log: Logger, more: LogFields): Logger {
  return {
    debug: (msg, fields) => log.debug(msg, { ...more, ...fields }),
    info: (msg, fields) => log.info(msg, { ...more, ...fields }),
    warn: (msg, fields) => log.warn(msg, { ...more, ...fields }),
    error: (msg, fields) => log.error(msg, { ...more, ...fields }),
  };
}
