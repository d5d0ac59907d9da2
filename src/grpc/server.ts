import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Server,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { methodPath, serviceDefinition } from "./service-definition.ts";
import { toStatus } from "./status.ts";

/** Told of every error a handler threw that was not a {@link ConnectError}: a defect, not an answer. */
export type OnHandlerDefect = (method: DescMethod, error: unknown) => void;

type Unary = (request: object, context?: HandlerContext) => Promise<object> | object;
type Streaming = (request: object, context: HandlerContext) => AsyncIterable<object>;

/**
 * Serves a Connect-style implementation on a grpc-js server.
 *
 * Handlers get a context whose `signal` aborts when the call ends for whatever reason (cancelled,
 * connection lost, server stopped). They throw `ConnectError` for a status of their choice.
 * Unary and server-streaming methods are supported; others are refused here, at start.
 */
export function addService<S extends DescService>(
  server: Server,
  service: S,
  implementation: ServiceImpl<S>,
  onDefect: OnHandlerDefect,
): void {
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const handler = (implementation as Record<string, unknown>)[method.localName] as (
      ...args: never[]
    ) => unknown;
    if (method.methodKind === "unary") {
      handlers[method.localName] = unaryHandler(
        method,
        handler.bind(implementation) as Unary,
        onDefect,
      );
    } else if (method.methodKind === "server_streaming") {
      handlers[method.localName] = streamingHandler(
        method,
        handler.bind(implementation) as Streaming,
        onDefect,
      );
    } else {
      throw new TypeError(`${methodPath(method)}: ${method.methodKind} is not supported`);
    }
  }
  server.addService(serviceDefinition(service), handlers);
}

function contextFor(method: DescMethod, signal: AbortSignal): HandlerContext {
  return createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `http://localhost${methodPath(method)}`,
    requestSignal: signal,
  });
}

function report(method: DescMethod, error: unknown, onDefect: OnHandlerDefect): ServiceError {
  if (!(error instanceof ConnectError)) onDefect(method, error);
  return toStatus(error) as ServiceError;
}

function unaryHandler(
  method: DescMethod,
  handle: Unary,
  onDefect: OnHandlerDefect,
): handleUnaryCall<object, object> {
  // Most handlers take no context, and making one is dearer than many an answer: grpc-js emits
  // "cancelled" at the end of every call, so each would build an error nobody sees.
  const takesContext = handle.length > 1;
  return (call, callback) => {
    const run = async () =>
      takesContext
        ? handle(call.request, contextFor(method, cancellation(call)))
        : handle(call.request);
    run().then(
      (response) => callback(null, response),
      (error: unknown) => callback(report(method, error, onDefect)),
    );
  };
}

/** A signal that aborts when the call ends. */
function cancellation(call: ServerUnaryCall<object, object>): AbortSignal {
  const abort = new AbortController();
  call.on("cancelled", () => abort.abort(new ConnectError("call cancelled", Code.Canceled)));
  return abort.signal;
}

function streamingHandler(
  method: DescMethod,
  handle: Streaming,
  onDefect: OnHandlerDefect,
): handleServerStreamingCall<object, object> {
  return (call) => {
    const abort = new AbortController();
    const cancel = () => abort.abort(new ConnectError("stream cancelled", Code.Canceled));
    // 'finish' does not fire on a cancelled call; these two always do.
    call.on("cancelled", cancel);
    call.on("close", cancel);
    pump(call, handle(call.request, contextFor(method, abort.signal)), abort.signal).then(
      () => call.end(),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        call.emit("error", report(method, error, onDefect));
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
    if (!call.write(message)) await drained(call, signal);
  }
}

function drained(call: ServerWritableStream<object, object>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
