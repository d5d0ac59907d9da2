import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport as createConnectTransport } from "@connectrpc/connect/protocol-connect";
import { createTransport as createGrpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";
import {
  AdminService,
  ErrorInfoSchema,
  type Status,
} from "../../src/gen/videodevice/admin/v1/admin_pb.ts";

/** A client of the admin API on a socket. */
export function adminClient(
  socketPath: string,
  protocol: "connect" | "grpc-web" = "connect",
): Client<typeof AdminService> {
  const overSocket = (request: Request) => fetch(request, { unix: socketPath });
  const create = protocol === "connect" ? createConnectTransport : createGrpcWebTransport;
  const transport = create({
    httpClient: createFetchClient(overSocket as unknown as typeof fetch),
    baseUrl: "http://localhost",
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: 1024 * 1024,
    writeMaxBytes: 1024 * 1024,
  });
  return createClient(AdminService, transport);
}

/** The codes of a failed call, Connect's and our own: `failed_precondition device_in_use`; undefined if it succeeded. */
export async function failureOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (reason) {
    const error = ConnectError.from(reason);
    const [info] = error.findDetails(ErrorInfoSchema);
    return `${Code[error.code]} ${info?.code}`;
  }
}

/** The message and remedy of a failed call. */
export async function explanationOf(
  call: Promise<unknown>,
): Promise<{ readonly message: string; readonly remedy: string }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason),
  );
  const [info] = error?.findDetails(ErrorInfoSchema) ?? [];
  if (error === undefined || info === undefined) throw new Error("it was not refused");
  return { message: error.rawMessage, remedy: info.remedy };
}

/** Sends an HTTP request over the socket, as curl does. */
export function askSocket(socketPath: string, path: string, init: RequestInit = {}) {
  return fetch(`http://localhost${path}`, { unix: socketPath, ...init });
}

/** The current status. */
export async function statusOf(client: Client<typeof AdminService>): Promise<Status> {
  const { status } = await client.getStatus({});
  if (status === undefined) throw new Error("no status");
  return status;
}
