import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromString, errorToJson } from "@connectrpc/connect/protocol-connect";
import { type ErrorKind, errorKinds } from "../common/error-codes.ts";
import { PluginError } from "../common/plugin-error.ts";
import { ErrorInfoSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Connect code of each kind of error. */
const codes: Readonly<Record<ErrorKind, Code>> = {
  not_found: Code.NotFound,
  invalid: Code.InvalidArgument,
  conflict: Code.FailedPrecondition,
  unsupported: Code.Unimplemented,
  exhausted: Code.ResourceExhausted,
  timeout: Code.DeadlineExceeded,
  internal: Code.Internal,
};

/** Converts an error for a client: a Connect code, and an ErrorInfo with the plugin's own code and remedy. */
export function adminError(error: PluginError): ConnectError {
  const { code, message, remedy = "" } = error;
  return new ConnectError(
    message,
    codes[errorKinds[code]],
    undefined,
    [{ desc: ErrorInfoSchema, value: { code, remedy } }],
    error,
  );
}

/** Answers a call of an unknown method so that a Connect client understands it. */
export function unknownMethod(path: string): Response {
  const error = new PluginError(
    "method_unknown",
    `The admin API has no method ${path.slice(1, quotedLength)}.`,
    {
      remedy: "Use the executable of the running plugin: client and plugin must be of one version.",
    },
  );
  return asJson(adminError(error), 404);
}

/** Characters of an unknown path that an error quotes. */
const quotedLength = 120;

/** Adds an ErrorInfo to Connect's own answer to a request that it can't decode. */
export async function withErrorInfo(response: Response): Promise<Response> {
  const isJson = response.headers.get("content-type") === "application/json";
  if (response.status !== 400 || !isJson) return response;
  const text = await response.text();
  const { code = "", message = "", details } = JSON.parse(text) as WireError;
  if (details !== undefined || codeFromString(code) !== Code.InvalidArgument) {
    return new Response(text, { status: response.status, headers: response.headers });
  }
  const error = new PluginError("request_invalid", `The request is invalid: ${message}.`, {
    remedy: "Send a request as defined in admin.proto of this version.",
  });
  return asJson(adminError(error), response.status);
}

/** An error on the wire, https://connectrpc.com/docs/protocol/#error-end-stream. */
interface WireError {
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

/** The answer to a defect of the plugin; its details are in the log only. */
export function internalError(cause: unknown): ConnectError {
  return new ConnectError(
    "The plugin has failed with an internal error.",
    Code.Internal,
    undefined,
    [
      {
        desc: ErrorInfoSchema,
        value: { code: "internal", remedy: "Report it with the details in the plugin's log." },
      },
    ],
    cause,
  );
}

/** True for an error that the code expects; any other is a defect. */
export function isExpected(reason: unknown): reason is PluginError {
  return reason instanceof PluginError && reason.code !== "unexpected";
}
