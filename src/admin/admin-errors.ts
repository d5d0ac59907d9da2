import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromString, errorToJson } from "@connectrpc/connect/protocol-connect";
import type { ErrorCode } from "../common/error-codes.ts";
import { PluginError } from "../common/plugin-error.ts";
import { ErrorInfoSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** What our errors are to a client; all others are `internal`. */
const codes: Readonly<Partial<Record<ErrorCode, Code>>> = {
  device_unknown: Code.NotFound,
  device_busy: Code.FailedPrecondition,
  device_in_use: Code.FailedPrecondition,
  use_unknown: Code.FailedPrecondition,
  device_hangs: Code.FailedPrecondition,
  cordon_not_kept: Code.FailedPrecondition,
  not_supported: Code.Unimplemented,
  device_id_missing: Code.InvalidArgument,
  note_too_long: Code.InvalidArgument,
  log_level_unspecified: Code.InvalidArgument,
  request_invalid: Code.InvalidArgument,
  method_unknown: Code.Unimplemented,
  too_many_watches: Code.ResourceExhausted,
  timed_out: Code.DeadlineExceeded,
};

/** The error as a client sees it: a Connect code, and an ErrorInfo with our own code and what to do. */
export function adminError(error: PluginError): ConnectError {
  const { code, message, remedy = "" } = error;
  return new ConnectError(
    message,
    codes[code] ?? Code.Internal,
    undefined,
    [{ desc: ErrorInfoSchema, value: { code, remedy } }],
    error,
  );
}

/** The answer to a call of something that isn't in the API, as a Connect client understands it. */
export function unknownMethod(path: string): Response {
  const error = new PluginError("method_unknown", `There is no ${path.slice(1, quoted)} here.`, {
    remedy:
      "Use the executable that the running plugin was started from: both have to be of one version.",
  });
  return asJson(adminError(error), 404);
}

/** Longest part of an unknown path that is quoted, characters. */
const quoted = 120;

/** What Connect refuses by itself, since it can't be decoded, gets an ErrorInfo as all other refusals have it. */
export async function explained(response: Response): Promise<Response> {
  const isJson = response.headers.get("content-type") === "application/json";
  if (response.status !== 400 || !isJson) return response;
  const text = await response.text();
  const { code = "", message = "", details } = JSON.parse(text) as Refusal;
  if (details !== undefined || codeFromString(code) !== Code.InvalidArgument) {
    return new Response(text, { status: response.status, headers: response.headers });
  }
  const error = new PluginError("request_invalid", `The request can't be read: ${message}.`, {
    remedy: "Send what admin.proto of this version says.",
  });
  return asJson(adminError(error), response.status);
}

/** An error on the wire, https://connectrpc.com/docs/protocol/#error-end-stream. */
interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly details?: unknown;
}

function asJson(error: ConnectError, status: number): Response {
  return new Response(JSON.stringify(errorToJson(error, undefined)), {
    status,
    headers: { "content-type": "application/json" },
  });
}

/** The answer to a defect of ours: its details are the log's matter. */
export function internalError(cause: unknown): ConnectError {
  return new ConnectError(
    "This is a defect of the plugin.",
    Code.Internal,
    undefined,
    [
      {
        desc: ErrorInfoSchema,
        value: { code: "internal", remedy: "See its log, and report what it says there." },
      },
    ],
    cause,
  );
}

/** Whether somebody has foreseen the error; anything else is a defect. */
export function isForeseen(reason: unknown): reason is PluginError {
  return reason instanceof PluginError && reason.code !== "unexpected";
}
