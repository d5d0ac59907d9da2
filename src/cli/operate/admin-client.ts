import { type Client, createClient } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { AdminService } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** Longest wait for the plugin's answer, ms: a reset may take 5 s. */
export const callTimeoutMs = 10_000;

export type AdminClient = Client<typeof AdminService>;

/** More than the status of 246 devices needs. */
const maxMessageBytes = 16 * 1024 * 1024;

/** Calls the admin API of the plugin that listens on a unix socket. Streams need `timeoutMs: 0`. */
export function createAdminClient(socketPath: string): AdminClient {
  const overSocket = (input: string | URL | Request, init?: BunFetchRequestInit) =>
    fetch(input, {
      ...init,
      unix: socketPath,
      // A connection that is kept is dead after the plugin's restart.
      keepalive: false,
      // Bun ends a connection that has been silent for 5 minutes, and a node can be silent for longer.
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
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    defaultTimeoutMs: callTimeoutMs,
  });
  return createClient(AdminService, transport);
}
