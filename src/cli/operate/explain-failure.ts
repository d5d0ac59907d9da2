import { Code, ConnectError } from "@connectrpc/connect";
import type { ErrorCode } from "../../common/error-codes.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { ErrorInfoSchema } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { callTimeoutMs } from "./admin-client.ts";
import { explainUnreachable, silent } from "./unreachable.ts";

/**
 * The error of a failed call of the admin API: the plugin's own message and remedy if it answered, else why it did not
 * (`plugin_unreachable`). Codes come as they are: a plugin of another version has its own.
 */
export function explainFailure(error: unknown, socketPath: string): PluginError {
  if (error instanceof PluginError) return error;
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  if (info !== undefined) {
    return new PluginError(info.code as ErrorCode, failure.rawMessage, {
      cause: error,
      ...(info.remedy === "" ? {} : { remedy: info.remedy }),
    });
  }
  if (failure.code === Code.DeadlineExceeded) return silent(socketPath, callTimeoutMs / 1000);
  const { code } = (failure.cause ?? {}) as { code?: string };
  const unreachable = explainUnreachable(code, socketPath, error);
  if (unreachable !== undefined) return unreachable;
  if (failure.code === Code.Unimplemented) {
    return new PluginError(
      "unimplemented",
      `What answers at ${socketPath} doesn't know this call: it is of another version, or another program.`,
      { remedy: "Use the executable that the running plugin was started from.", cause: error },
    );
  }
  const connectCode = Code[failure.code].toLowerCase();
  return new PluginError(connectCode as ErrorCode, failure.rawMessage, { cause: error });
}
