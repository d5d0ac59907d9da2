import { accessSync, chmodSync, constants } from "node:fs";
import { dirname } from "node:path";
import { createClient, type ServiceImpl } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { BoundSocket, bindingName } from "../common/bound-socket.ts";
import { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { HandOverService } from "../gen/videodevice/handover/v1/hand_over_pb.ts";
import { addService, type OnHandlerDefect } from "../grpc/server.ts";
import { createSocketTransport } from "../grpc/transport.ts";
import { handOverService } from "./hand-over.ts";
import { StreamSet } from "./streams.ts";

export interface PluginServerDeps {
  /** Makes the service for this server's streams. */
  readonly service: (streams: StreamSet) => ServiceImpl<typeof DevicePlugin>;
  readonly onDefect: OnHandlerDefect;
  /** Registers while the instance that asks for it still serves; returns true once it has, false if it can't. */
  readonly takeOver: () => Promise<boolean>;
  /** Called when a ListAndWatch stream opens or ends. */
  readonly onStreams: () => void;
}

/** Deadline of the server's call to itself, ms. */
const selfDialTimeoutMs = 5000;

/**
 * The device plugin service on one socket. Each registration has its own server, so no stream is counted for another
 * registration, and no socket is registered twice.
 */
export class PluginServer {
  /** Absolute path of the socket. */
  socketPath: string;
  readonly streams: StreamSet;
  readonly #server: Server;
  readonly #socket: BoundSocket;

  private constructor(socketPath: string, server: Server, socket: BoundSocket, streams: StreamSet) {
    this.socketPath = socketPath;
    this.streams = streams;
    this.#server = server;
    this.#socket = socket;
  }

  /**
   * Binds the socket, restricts it to root, and proves with a call to itself that the server answers: the kubelet
   * dials back within Register, and Register fails if the server is not ready.
   */
  static async listen(socketPath: string, deps: PluginServerDeps): Promise<PluginServer> {
    // Throws an error with the reason and the directory, which the error of a failed bind lacks.
    accessSync(dirname(socketPath), constants.W_OK);
    const streams = new StreamSet(deps.onStreams);
    const server = new Server();
    addService(server, DevicePlugin, deps.service(streams), deps.onDefect);
    addService(server, HandOverService, handOverService(deps.takeOver), deps.onDefect);
    const name = bindingName(socketPath);
    await bind(server, name);
    let self: PluginServer | undefined;
    try {
      // The API has no authentication: a process that may connect may call Allocate.
      chmodSync(name, 0o600);
      self = new PluginServer(socketPath, server, new BoundSocket(name, socketPath), streams);
      await self.#dial();
      return self;
    } catch (error) {
      await (self?.close(0) ?? shutDown(server, 0));
      throw error;
    }
  }

  /** `serving`, or `socket_lost` if the socket's path is gone or is another file. */
  state(): "serving" | "socket_lost" {
    return this.#socket.isReachable() ? "serving" : "socket_lost";
  }

  /** Renames the socket, from a hidden name to the one for the kubelet. @throws Error of rename(2). */
  moveTo(socketPath: string): void {
    this.#socket.moveTo(socketPath);
    this.socketPath = socketPath;
  }

  /**
   * Ends the streams (the server would wait for them), waits up to `graceMs` for calls in flight, and cuts the
   * connections. Removes the socket's path only if it is still ours.
   */
  async close(graceMs: number): Promise<void> {
    this.streams.endAll();
    this.#socket.remove();
    await shutDown(this.#server, graceMs);
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

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
