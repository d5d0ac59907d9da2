import type { Logger } from "../common/logger.ts";

/** Distinct errors that are logged at error level; requests must not be able to fill the log. */
const maxLogged = 32;

/** Logs an internal error in the answer to a request, which is a defect of the plugin. */
export function logInternalError(log: Logger, method: string, reason: unknown): void {
  log.error("Request handler failed", errorFields(method, reason));
}

/**
 * Returns a function like {@link logInternalError} that logs each distinct error once and repetitions at debug level:
 * a client may send the same request over and over.
 */
export function internalErrorLog(log: Logger): (method: string, reason: unknown) => void {
  const logged = new Set<string>();
  return (method, reason) => {
    const key = `${method} ${String(reason)}`;
    if (logged.has(key) || logged.size >= maxLogged) {
      log.debug("Request handler failed", errorFields(method, reason));
      return;
    }
    logged.add(key);
    logInternalError(log, method, reason);
  };
}

function errorFields(method: string, reason: unknown) {
  return {
    method,
    error: String(reason),
    stack: reason instanceof Error ? reason.stack : undefined,
  };
}
