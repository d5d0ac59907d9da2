import type { ErrorCode } from "./error-codes.ts";

/**
 * The error class of all rooms; gRPC has its own. Created where the cause is known, logged once, by the caller that
 * doesn't pass it on.
 *
 * `message` says what failed, on what, and why; `remedy` is an instruction to the reader, if possible a command.
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

  /** Converts any thrown value; one that is no PluginError gets the code `unexpected`. */
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
