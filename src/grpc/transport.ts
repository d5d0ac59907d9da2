import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import {
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { deserializer, methodPath, serializer } from "./service-definition.ts";
import { fromServiceError } from "./status.ts";

/** A Connect transport over one grpc-js channel; `close` ends the channel and its calls. */
export interface SocketTransport extends Transport {
  close(): void;
}

/** A gRPC transport to a unix socket, for use with Connect's `createClient`. */
export function createSocketTransport(socketPath: string): SocketTransport {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    // Node's and Bun's HTTP/2 reject a socket path as authority, and kubelets use "localhost" too.
    "grpc.default_authority": "localhost",
    // Subchannels of the global pool outlive their channel, and with them a dead peer's backoff; and the
    // pool keeps a key for every address it has ever seen, which here are new ones all the time.
    "grpc.use_local_subchannel_pool": 1,
    // No keepalive: the kubelet answers pings oftener than every 5 min with GOAWAY.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
  });
  return {
    unary: (method, signal, timeoutMs, _header, input) =>
      unary(client, method, signal, timeoutMs, input),
    stream: (method, signal, timeoutMs, _header, input) =>
      serverStream(client, method, signal, timeoutMs, input),
    close: () => client.close(),
  };
}

function callOptions(timeoutMs: number | undefined) {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function unary<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodUnary<I, O>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  input: MessageInitShape<I>,
) {
  return new Promise<UnaryResponse<I, O>>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      methodPath(method),
      serializer(method.input),
      deserializer(method.output),
      create(method.input, input),
      new Metadata(),
      callOptions(timeoutMs),
      (error, message) => {
        signal?.removeEventListener("abort", cancel);
        if (error) reject(fromServiceError(error));
        else
          resolve({
            stream: false,
            service: method.parent,
            method,
            message: message as MessageShape<O>,
            header: new Headers(),
            trailer: new Headers(),
          });
      },
    );
    const cancel = () => call.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

async function serverStream<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodStreaming<I, O>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  input: AsyncIterable<MessageInitShape<I>>,
) {
  if (method.methodKind !== "server_streaming") {
    throw new ConnectError(`${methodPath(method)}: not server-streaming`, Code.Unimplemented);
  }
  const [request] = await Array.fromAsync(input);
  const call = client.makeServerStreamRequest(
    methodPath(method),
    serializer(method.input),
    deserializer(method.output),
    create(method.input, request),
    new Metadata(),
    callOptions(timeoutMs),
  );
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return {
    stream: true as const,
    service: method.parent,
    method,
    message: readAll(call as ClientReadableStream<MessageShape<O>>, () =>
      signal?.removeEventListener("abort", cancel),
    ),
    header: new Headers(),
    trailer: new Headers(),
  };
}

async function* readAll<T>(call: ClientReadableStream<T>, done: () => void): AsyncIterable<T> {
  try {
    for await (const message of call) yield message as T;
  } catch (error) {
    throw fromServiceError(error as ServiceError);
  } finally {
    call.cancel();
    done();
  }
}
