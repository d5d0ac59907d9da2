import { Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";

/**
 * The domain's error as a gRPC status. `Code` has gRPC's numbers by definition
 * (https://connectrpc.com/docs/protocol#error-codes), so codes map one to one; what is no
 * ConnectError becomes UNKNOWN with its message kept (grpc-js alone would drop it).
 */
export function toStatus(error: unknown): StatusObject {
  const { code, rawMessage } = ConnectError.from(error);
  return { code: code as number as status, details: rawMessage, metadata: new Metadata() };
}

/** A status code's name as the Connect protocol writes it: `failed_precondition`. */
export function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}

/** A gRPC client's error as ConnectError, the original kept as its cause. */
export function fromServiceError(error: ServiceError): ConnectError {
  const code =
    error.code === status.OK || error.code === undefined ? Code.Unknown : (error.code as number);
  return new ConnectError(
    error.details || error.message,
    code as Code,
    undefined,
    undefined,
    error,
  );
}
