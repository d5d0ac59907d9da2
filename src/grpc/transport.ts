import {
  create,
  type DescMessage,
  type DescMethod,
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
  status,
} from "@grpc/grpc-js";
import { deserializer, methodPath, serializer } from "./service-definition.ts";

/** A Connect transport over one grpc-js channel; `close` ends the channel and its calls. */
export interface SocketTransport extends Transport {
  close(): void;
}

/** A gRPC transport to a unix socket, for use with Connect's `createClient`. */
export function createSocketTransport(socketPath: string): SocketTransport {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    // Node's and Bun's HTTP/2 reject a socket path as authority, and kubelets use "localhost" too.
    "grpc.default_authority": "localhost",
    // Subchannels of the global pool outlive their channel, and so does the backoff of a dead peer. The pool also
    // keeps a key for every address it has seen, and here addresses are new all the time.
    "grpc.use_local_subchannel_pool": 1,
    // No keepalive: the kubelet answers pings more often than every 5 min with GOAWAY.
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

/** The arguments that every call of grpc-js begins with. */
function callArguments<I extends DescMessage>(
  method: DescMethod & { readonly input: I },
  input: MessageInitShape<I> | undefined,
  timeoutMs: number | undefined,
) {
  return [
    methodPath(method),
    serializer(method.input),
    deserializer(method.output),
    create(method.input, input),
    new Metadata(),
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  ] as const;
}

/** Cancels the call once `signal` aborts, until the function returned is called. */
function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return () => signal?.removeEventListener("abort", cancel);
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
      ...callArguments(method, input, timeoutMs),
      (error, message) => {
        ended();
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
    const ended = cancelOn(signal, call);
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
  const call = client.makeServerStreamRequest(...callArguments(method, request, timeoutMs));
  return {
    stream: true as const,
    service: method.parent,
    method,
    message: readAll(call as ClientReadableStream<MessageShape<O>>, cancelOn(signal, call)),
    header: new Headers(),
    trailer: new Headers(),
  };
}

async function* readAll<T>(call: ClientReadableStream<T>, ended: () => void): AsyncIterable<T> {
  try {
    for await (const message of call) yield message as T;
  } catch (error) {
    throw fromServiceError(error as ServiceError);
  } finally {
    call.cancel();
    ended();
  }
}

/** A gRPC client's error as ConnectError, with the original as its cause. */
export function fromServiceError(error: ServiceError): ConnectError {
  const code = error.code === status.OK ? undefined : (error.code as number | undefined);
  const message = error.details || error.message;
  return new ConnectError(message, (code ?? Code.Unknown) as Code, undefined, undefined, error);
}
