import type { Logger } from "../common/logger.ts";

/** Distinct defects that are told at error level; whoever asks must not be able to fill the log. */
const maxTold = 32;

/** Tells of a defect of ours in the answer to a request. */
export function logInternalError(log: Logger, method: string, reason: unknown): void {
  log.error("Request handler failed", defectFields(method, reason));
}

/** As {@link logInternalError}, but each distinct error once, from then on at debug level: anybody may ask, and again. */
export function defectLog(log: Logger): (method: string, reason: unknown) => void {
  const told = new Set<string>();
  return (method, reason) => {
    const key = `${method} ${String(reason)}`;
    if (told.has(key) || told.size >= maxTold) {
      log.debug("Request handler failed", defectFields(method, reason));
      return;
    }
    told.add(key);
    logInternalError(log, method, reason);
  };
}

function defectFields(method: string, reason: unknown) {
  return {
    method,
    error: String(reason),
    stack: reason instanceof Error ? reason.stack : undefined,
  };
}
