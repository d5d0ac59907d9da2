import { Code, ConnectError } from "@connectrpc/connect";
import { PluginError } from "../../common/plugin-error.ts";
import { ErrorInfoSchema } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** What our errors are to a client; all others are `internal`. */
const codes: Readonly<Record<string, Code>> = {
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
