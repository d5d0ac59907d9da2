import { accessSync, chmodSync, constants } from "node:fs";
import { dirname } from "node:path";
import { createClient, type ServiceImpl } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { fileIdentity } from "../common/unix-socket.ts";
import { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { addService, type OnHandlerDefect } from "../grpc/server.ts";
import { createSocketTransport } from "../grpc/transport.ts";
import { StreamSet } from "./streams.ts";

export interface PluginServerDeps {
  /** Makes the service for this server's streams. */
  readonly service: (streams: StreamSet) => ServiceImpl<typeof DevicePlugin>;
  readonly onDefect: OnHandlerDefect;
  /** Called when a ListAndWatch stream opens or ends. */
  readonly onStreams: () => void;
}

/** How long the server may take to answer its own first call, ms. */
const selfDialTimeoutMs = 5000;

/**
 * The device plugin service on one socket, for one registration. A registration gets a server of
 * its own, so streams of different registrations can't be mixed up and no socket is registered twice.
 */
export class PluginServer {
  readonly socketPath: string;
  readonly streams: StreamSet;
  readonly #server: Server;
  readonly #identity: string | undefined;

  private constructor(socketPath: string, server: Server, streams: StreamSet) {
    this.socketPath = socketPath;
    this.streams = streams;
    this.#server = server;
    this.#identity = fileIdentity(socketPath);
  }

  /**
   * Binds, restricts the socket to root, and proves with a call of its own that it answers: the kubelet
   * dials back within Register and gives up on a server that isn't serving yet.
   */
  static async listen(socketPath: string, deps: PluginServerDeps): Promise<PluginServer> {
    // A failed bind names neither the reason nor the directory; this does.
    accessSync(dirname(socketPath), constants.W_OK);
    const streams = new StreamSet(deps.onStreams);
    const server = new Server();
    addService(server, DevicePlugin, deps.service(streams), deps.onDefect);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    const self = new PluginServer(socketPath, server, streams);
    try {
      // The API has no authentication: whoever may connect may call Allocate.
      chmodSync(socketPath, 0o600);
      await self.#dial();
    } catch (error) {
      await self.close(0);
      throw error;
    }
    return self;
  }

  /** `serving`, or `socket_lost` if the path is gone or holds another file. */
  state(): "serving" | "socket_lost" {
    return this.#identity !== undefined && fileIdentity(this.socketPath) === this.#identity
      ? "serving"
      : "socket_lost";
  }

  /**
   * Ends the streams first (the server waits for them otherwise), gives calls in flight `graceMs`, then
   * cuts the connections. The socket's path is removed only if it is still ours.
   */
  async close(graceMs: number): Promise<void> {
    this.streams.endAll();
    const now = fileIdentity(this.socketPath);
    // Closing a listener unlinks its path, whoever's file is there by now. A listener nobody can reach
    // any more is the lesser evil.
    if (now !== undefined && now !== this.#identity) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #dial(): Promise<void> {
    const transport = createSocketTransport(this.socketPath);
    try {
      const client = createClient(DevicePlugin, transport);
      await client.getDevicePluginOptions({}, { timeoutMs: selfDialTimeoutMs });
    } finally {
      transport.close();
    }
  }
}
