import { type EventEmitter, once } from "node:events";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type Server,
  type ServerWritableStream,
  type StatusObject,
  setLogger,
  type status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { methodPath, serviceDefinition } from "./service-definition.ts";

/** Called with every error of a handler that is not a {@link ConnectError}: a defect, not an answer. */
export type OnHandlerDefect = (method: DescMethod, error: unknown) => void;

type Unary = (request: object, context?: HandlerContext) => Promise<object> | object;
type Streaming = (request: object, context: HandlerContext) => AsyncIterable<object>;

/**
 * Serves a Connect-style implementation on a grpc-js server.
 *
 * Handlers get a context whose `signal` aborts when the call ends for whatever reason (cancelled,
 * connection lost, server stopped). They throw `ConnectError` for a status of their choice.
 *
 * @throws TypeError for a method that is neither unary nor server-streaming.
 */
export function addService<S extends DescService>(
  server: Server,
  service: S,
  implementation: ServiceImpl<S>,
  onDefect: OnHandlerDefect,
): void {
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const { localName, methodKind } = method;
    const handle = (implementation as Record<string, unknown>)[localName] as Unary & Streaming;
    if (methodKind === "unary") {
      handlers[localName] = unaryHandler(method, handle.bind(implementation), onDefect);
    } else if (methodKind === "server_streaming") {
      handlers[localName] = streamingHandler(method, handle.bind(implementation), onDefect);
    } else {
      throw new TypeError(`${methodPath(method)}: ${methodKind} is not supported`);
    }
  }
  server.addService(serviceDefinition(service), handlers);
}

function contextFor(method: DescMethod, signal: AbortSignal, metadata: Metadata): HandlerContext {
  // The one header that a handler reads.
  const [userAgent] = metadata.get("user-agent");
  return createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `http://localhost${methodPath(method)}`,
    requestSignal: signal,
    ...(userAgent === undefined ? {} : { requestHeader: { "user-agent": String(userAgent) } }),
  });
}

/**
 * The status that a handler's error ends its call with. `Code` has gRPC's numbers by definition
 * (https://connectrpc.com/docs/protocol#error-codes). An error that is no ConnectError becomes UNKNOWN with its
 * message kept (grpc-js alone would drop it).
 */
function statusOf(method: DescMethod, error: unknown, onDefect: OnHandlerDefect): StatusObject {
  if (!(error instanceof ConnectError)) onDefect(method, error);
  const { code, rawMessage } = ConnectError.from(error);
  return { code: code as number as status, details: rawMessage, metadata: new Metadata() };
}

function unaryHandler(
  method: DescMethod,
  handle: Unary,
  onDefect: OnHandlerDefect,
): handleUnaryCall<object, object> {
  // Most handlers take no context, and a context costs more than many an answer: grpc-js emits "cancelled" at the
  // end of every call, so each context would build an error without a reader.
  const takesContext = handle.length > 1;
  return (call, callback) => {
    const run = async () =>
      takesContext
        ? handle(call.request, contextFor(method, signalOf(call), call.metadata))
        : handle(call.request);
    run().then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusOf(method, error, onDefect)),
    );
  };
}

/** A signal that aborts when the call ends. */
function signalOf(call: EventEmitter): AbortSignal {
  const abort = new AbortController();
  const end = () => abort.abort(new ConnectError("call cancelled", Code.Canceled));
  // "finish" does not fire on a cancelled call; one of these two always does.
  call.on("cancelled", end);
  call.on("close", end);
  return abort.signal;
}

function streamingHandler(
  method: DescMethod,
  handle: Streaming,
  onDefect: OnHandlerDefect,
): handleServerStreamingCall<object, object> {
  return (call) => {
    const signal = signalOf(call);
    pump(call, handle(call.request, contextFor(method, signal, call.metadata)), signal).then(
      () => call.end(),
      (error: unknown) => {
        if (!signal.aborted) call.emit("error", statusOf(method, error, onDefect));
      },
    );
  };
}

/** Writes what the handler yields, at the reader's speed. */
async function pump(
  call: ServerWritableStream<object, object>,
  messages: AsyncIterable<object>,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    // Rejects if the call ends first, which the next round notices.
    if (!call.write(message)) await once(call, "drain", { signal }).catch(() => undefined);
  }
}

/** A status code's name as the Connect protocol writes it: `failed_precondition`. */
export function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}

/**
 * Passes the messages of grpc-js to `log`; by default the library writes them to the error output. Errors that
 * matter are thrown as well, so these messages are for debugging.
 */
export function onLibraryLog(log: (message: string) => void): void {
  setLogger({ error: log, info: log, debug: log });
}
