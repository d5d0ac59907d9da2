import type { ErrorCode } from "./error-codes.ts";

/**
 * The one error class outside gRPC. Made where the knowledge is, logged once, at the edge.
 *
 * `message` names the thing, the value and what was expected; `remedy` says what a person can do
 * (a command where there is one).
 */
export class PluginError extends Error {
  override name = "PluginError";
  /** For logs, metrics and programs. */
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; remedy?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }

  /** Any thrown value as PluginError; what is none gets the code `unexpected`. */
  static from(reason: unknown): PluginError {
    if (reason instanceof PluginError) return reason;
    return new PluginError("unexpected", messageOf(reason), { cause: reason });
  }

  /** The fields of a log line about this error. */
  fields(): Record<string, string> {
    return {
      error: this.message,
      error_code: this.code,
      ...(this.remedy === undefined ? {} : { remedy: this.remedy }),
    };
  }
}

/** The message of any thrown value. */
export function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
