import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { connect as connectSocket } from "node:net";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { methodPath } from "./service-definition.ts";

export interface BytesCallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** Longest answer that is received, bytes; a longer one is refused with ResourceExhausted when its length is known. */
  readonly maxBytes: number;
}

type Headers = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** An empty message in gRPC's frame: no compression, length 0. */
const emptyRequest = Buffer.alloc(5);

/** Bytes of a frame before its message. */
const prefixLength = 5;

/**
 * A gRPC client on a unix socket for unary calls with an empty request, whose answers may be too large for the memory:
 * it hands over the answer's bytes as they come and keeps none. grpc-js and its like have the whole answer in memory
 * twice before they decode it. One connection serves all calls; after its end the next call makes another.
 *
 * Its protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
export class BytesClient {
  readonly #socketPath: string;
  #session: ClientHttp2Session | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * Calls a method, and `onBytes` with each piece of its answer. Resolves once the server has sent the status OK.
   *
   * @throws ConnectError with the server's status, Unavailable (no connection, or it broke), DeadlineExceeded, Canceled,
   * ResourceExhausted, or Internal (no gRPC, or an error of `onBytes`).
   */
  async call(
    method: DescMethodUnary,
    onBytes: (bytes: Buffer) => void,
    { signal, timeoutMs, maxBytes }: BytesCallOptions,
  ): Promise<void> {
    if (signal?.aborted) throw new ConnectError("the call was cancelled", Code.Canceled);
    const stream = this.#connected().request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: methodPath(method),
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
    });
    const ended = Promise.withResolvers<void>();
    const frame = new Frame(onBytes, maxBytes);
    let status: Headers = {};
    const fail = (error: ConnectError) => ended.reject(error);
    const cancel = () => fail(new ConnectError("the call was cancelled", Code.Canceled));
    const timer = setTimeout(() => {
      fail(new ConnectError(`no answer within ${timeoutMs} ms`, Code.DeadlineExceeded));
    }, timeoutMs);
    signal?.addEventListener("abort", cancel, { once: true });
    // A call without an answer has its status among the first headers.
    stream.on("response", (headers: Headers) => {
      status = { ...headers, ...status };
    });
    stream.on("trailers", (trailers: Headers) => {
      status = { ...status, ...trailers };
    });
    stream.on("data", (bytes: Buffer) => {
      try {
        frame.push(bytes);
      } catch (reason) {
        fail(ConnectError.from(reason, Code.Internal));
      }
    });
    stream.on("error", (error: Error) => {
      fail(new ConnectError(error.message, Code.Unavailable, undefined, undefined, error));
    });
    stream.on("close", () => {
      const error = errorOf(status) ?? frame.errorAtEnd();
      if (error) fail(error);
      else ended.resolve();
    });
    stream.end(emptyRequest);
    try {
      await ended.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  /** Ends the connection, after the calls on it. */
  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) {
      return this.#session;
    }
    // The authority is kubelets' own, too: a socket's path is refused.
    const session = connect("http://localhost", {
      createConnection: () => connectSocket(this.#socketPath),
    });
    // Its calls fail with the same error.
    session.on("error", () => undefined);
    session.on("goaway", () => session.close());
    session.on("close", () => {
      if (this.#session === session) this.#session = undefined;
    });
    this.#session = session;
    return session;
  }
}

/** The error that the headers and trailers of an ended call stand for; undefined for the status OK. */
function errorOf(headers: Headers): ConnectError | undefined {
  const status = headers["grpc-status"];
  if (status === "0") return undefined;
  if (status === undefined) {
    const http = headers[constants.HTTP2_HEADER_STATUS];
    if (http === undefined) return new ConnectError("the connection broke", Code.Unavailable);
    return new ConnectError(`no gRPC status; the HTTP status is ${http}`, Code.Internal);
  }
  const code = Number(status);
  return new ConnectError(
    decoded(String(headers["grpc-message"] ?? "")),
    Code[code] === undefined ? Code.Unknown : code,
  );
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** gRPC's frame of one message, which comes in pieces. */
class Frame {
  readonly #onBytes: (bytes: Buffer) => void;
  readonly #maxBytes: number;
  readonly #prefix = Buffer.alloc(prefixLength);
  #prefixed = 0;
  /** Bytes of the message that are to come. */
  #missing = 0;

  constructor(onBytes: (bytes: Buffer) => void, maxBytes: number) {
    this.#onBytes = onBytes;
    this.#maxBytes = maxBytes;
  }

  /** @throws ConnectError if this is no frame, or its message is too long. */
  push(bytes: Buffer): void {
    let rest = bytes;
    if (this.#prefixed < prefixLength) {
      const copied = rest.copy(this.#prefix, this.#prefixed);
      this.#prefixed += copied;
      rest = rest.subarray(copied);
      if (this.#prefixed < prefixLength) return;
      this.#begin();
    }
    if (rest.length > this.#missing) {
      throw new ConnectError("the answer has more than one message", Code.Internal);
    }
    this.#missing -= rest.length;
    if (rest.length > 0) this.#onBytes(rest);
  }

  /** Undefined if a whole message came. */
  errorAtEnd(): ConnectError | undefined {
    if (this.#prefixed === prefixLength && this.#missing === 0) return undefined;
    return new ConnectError("the answer is cut off", Code.Internal);
  }

  #begin(): void {
    if (this.#prefix[0] !== 0) {
      throw new ConnectError("the answer is compressed, which was not asked for", Code.Internal);
    }
    this.#missing = this.#prefix.readUInt32BE(1);
    if (this.#missing > this.#maxBytes) {
      const sizes = `${this.#missing} vs ${this.#maxBytes}`;
      throw new ConnectError(`Received message larger than max (${sizes})`, Code.ResourceExhausted);
    }
  }
}
