import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { deserializer, methodPath, serializer } from "../grpc/service-definition.ts";
import { fromServiceError } from "../grpc/transport.ts";
import { goError } from "./go.ts";

/** Limits of one call to a plugin. The default is none, as in most of the kubelet's calls. */
export interface CallLimits {
  signal?: AbortSignal;
  deadlineMs?: number;
}

/**
 * One connection to a plugin's socket, as grpc-go's ClientConn is: never shared with another channel to
 * the same socket, blocking until ready, and closed with everything on it at once.
 */
export class PluginChannel {
  readonly #client: Client;
  readonly #calls = new Set<{ cancel(): void }>();

  private constructor(socketPath: string, userAgent: string) {
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      // client.go, dial: WithAuthority("localhost").
      "grpc.default_authority": "localhost",
      "grpc.primary_user_agent": userAgent,
      // Without it grpc-js shares one connection between two channels to the same path.
      "grpc.use_local_subchannel_pool": 1,
      // grpc-go's backoff.DefaultConfig: 1 s base.
      "grpc.initial_reconnect_backoff_ms": 1000,
    });
  }

  /** Waits until HTTP/2 is up; rejects with grpc-go's wording after `timeoutMs`. */
  static async dial(
    socketPath: string,
    timeoutMs: number,
    signal: AbortSignal,
    userAgent: string,
  ): Promise<PluginChannel> {
    const channel = new PluginChannel(socketPath, userAgent);
    try {
      await channel.#ready(timeoutMs, signal);
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  #ready(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancelled = () => reject(new Error("context canceled"));
      if (signal.aborted) return cancelled();
      signal.addEventListener("abort", cancelled, { once: true });
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => {
        signal.removeEventListener("abort", cancelled);
        if (error) reject(new Error("context deadline exceeded"));
        else resolve();
      });
    });
  }

  /** A unary call; rejects with a ConnectError. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    limits: CallLimits = {},
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        methodPath(method),
        serializer(method.input),
        deserializer(method.output),
        create(method.input, input),
        new Metadata(),
        limits.deadlineMs === undefined ? {} : { deadline: Date.now() + limits.deadlineMs },
        (error, message) => {
          this.#calls.delete(call);
          limits.signal?.removeEventListener("abort", cancel);
          if (error) reject(fromServiceError(error));
          else resolve(message as MessageShape<O>);
        },
      );
      this.#calls.add(call);
      const cancel = () => call.cancel();
      if (limits.signal?.aborted) cancel();
      limits.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Opens a server stream; every message goes to `onMessage`. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: MessageInitShape<I>,
    onMessage: (message: MessageShape<O>) => void,
  ): PluginStream {
    const call: ClientReadableStream<object> = this.#client.makeServerStreamRequest(
      methodPath(method),
      serializer(method.input),
      deserializer(method.output),
      create(method.input, input),
      new Metadata(),
    );
    this.#calls.add(call);
    const ended = new Promise<string>((resolve) => {
      call.on("data", (message) => onMessage(message as MessageShape<O>));
      call.on("end", () => resolve("EOF"));
      call.on("error", (error: ServiceError) => resolve(goError(fromServiceError(error))));
    }).finally(() => this.#calls.delete(call));
    return {
      ended,
      cancel: () => call.cancel(),
      pause: () => call.pause(),
      resume: () => call.resume(),
    };
  }

  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }
}

/** A ListAndWatch stream, seen from its reader. */
export interface PluginStream {
  /** Resolves, never rejects, with why it ended. */
  readonly ended: Promise<string>;
  cancel(): void;
  /** Stops reading, so that the plugin's writes back up. */
  pause(): void;
  resume(): void;
}
