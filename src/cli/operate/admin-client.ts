import { type Client, createClient } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { AdminService } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** How long the plugin may take to answer, ms: a reset may take it 5 s. */
export const CALL_TIMEOUT_MS = 10_000;

export type AdminClient = Client<typeof AdminService>;

/** More than the status of 246 devices ever is. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Calls the admin API of the plugin that listens on a unix socket. Streams need `timeoutMs: 0`. */
export function createAdminClient(socketPath: string): AdminClient {
  const overSocket = (input: string | URL | Request, init?: BunFetchRequestInit) =>
    fetch(input, {
      ...init,
      unix: socketPath,
      // a connection kept for later is a dead one after the plugin's restart
      keepalive: false,
      // Bun ends a connection that has been silent for 5 minutes, and a node may be quieter
      timeout: false,
    });
  const transport = createTransport({
    baseUrl: "http://localhost",
    httpClient: createFetchClient(overSocket as typeof fetch),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 0,
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
    defaultTimeoutMs: CALL_TIMEOUT_MS,
  });
  return createClient(AdminService, transport);
}
