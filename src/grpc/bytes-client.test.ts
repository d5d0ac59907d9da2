import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { eventually } from "../../test/support/eventually.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { BytesClient } from "./bytes-client.ts";

const method = PodResourcesLister.method.list;

let directory: string;
let socket: string;
let server: Http2Server;
let client: BytesClient;
/** Answers a call. */
let answer: (stream: ServerHttp2Stream) => void;
/** The pieces of all answers. */
let pieces: Buffer[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "bytes-"));
  socket = join(directory, "server.sock");
  client = new BytesClient(socket);
  pieces = [];
  server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterEach(() => {
  client.close();
  server.close();
  rmSync(directory, { recursive: true });
});

function call({ timeoutMs = 5000, signal = new AbortController().signal } = {}) {
  return client.call(method, (bytes) => pieces.push(Buffer.from(bytes)), {
    ...{ timeoutMs, signal, maxBytes: 1000 },
  });
}

/** Code and message of the error that the call rejects with. */
async function errorOf(work: Promise<void>): Promise<{ code: string; message: string }> {
  const error = await work.then(
    () => new Error("the call succeeded"),
    (reason) => reason,
  );
  if (!(error instanceof ConnectError)) throw error;
  return { code: Code[error.code] ?? "?", message: error.rawMessage };
}

/** Sends a message, the first bytes of its frame apart from the rest, and a status. */
function send(message: Buffer, trailers: Record<string, string>, length = message.length) {
  return (stream: ServerHttp2Stream) => {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(length, 1);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.write(prefix.subarray(0, 2));
    setTimeout(() => {
      stream.write(prefix.subarray(2));
      stream.end(message);
    }, 5);
  };
}

const ok = { "grpc-status": "0" };

describe("a client for bytes", () => {
  test("hands over the message without its frame, and uses one connection", async () => {
    let sessions = 0;
    server.on("session", () => sessions++);
    answer = send(Buffer.from("cameras"), ok);
    await call();
    await call();
    expect(Buffer.concat(pieces).toString()).toBe("camerascameras");
    expect(sessions).toBe(1);
  });

  test("takes an empty message for an answer", async () => {
    answer = send(Buffer.alloc(0), ok);
    await call();
    expect(pieces).toEqual([]);
  });

  test("refuses a message that is too long as soon as its length is known", async () => {
    answer = send(Buffer.alloc(10), ok, 1001);
    expect(await errorOf(call())).toEqual({
      code: "ResourceExhausted",
      message: "Received message larger than max (1001 vs 1000)",
    });
    expect(pieces).toEqual([]);
  });

  test("rejects with the server's status, with or without an answer", async () => {
    const status = { "grpc-status": "8", "grpc-message": "rejected%20by rate limit" };
    const expected = { code: "ResourceExhausted", message: "rejected by rate limit" };
    answer = (stream) => stream.respond({ ":status": 200, ...status }, { endStream: true });
    expect(await errorOf(call())).toEqual(expected);
    answer = send(Buffer.from("cameras"), status);
    expect(await errorOf(call())).toEqual(expected);
  });

  test("takes no message that is cut off", async () => {
    answer = send(Buffer.from("camer"), ok, 7);
    expect(await errorOf(call())).toMatchObject({ code: "Internal" });
    answer = (stream) => stream.respond({ ":status": 200, ...ok }, { endStream: true });
    expect(await errorOf(call())).toMatchObject({ code: "Internal" });
  });

  test("takes no answer of a server that isn't gRPC", async () => {
    answer = (stream) => stream.respond({ ":status": 404 }, { endStream: true });
    expect(await errorOf(call())).toMatchObject({
      code: "Internal",
      message: expect.stringContaining("404"),
    });
  });

  test("waits no longer than it may, or than its caller", async () => {
    answer = () => undefined;
    expect(await errorOf(call({ timeoutMs: 50 }))).toMatchObject({ code: "DeadlineExceeded" });
    const leave = new AbortController();
    const left = errorOf(call({ signal: leave.signal }));
    leave.abort();
    expect(await left).toMatchObject({ code: "Canceled" });
    expect(await errorOf(call({ signal: leave.signal }))).toMatchObject({ code: "Canceled" });
  });

  test("finds a broken connection, and makes another", async () => {
    answer = (stream) => stream.session?.destroy();
    expect(await errorOf(call())).toMatchObject({ code: "Unavailable" });
    answer = send(Buffer.from("cameras"), ok);
    await call();
    expect(Buffer.concat(pieces).toString()).toBe("cameras");
  });

  test("that is closed ends the calls under way, and then its connection", async () => {
    let closed = false;
    server.on("session", (session) => session.on("close", () => (closed = true)));
    answer = (stream) => {
      client.close();
      send(Buffer.from("cameras"), ok)(stream);
    };
    await call();
    expect(Buffer.concat(pieces).toString()).toBe("cameras");
    await eventually(() => closed, "the end of the connection");
  });

  test("is unavailable without a server", async () => {
    const absent = new BytesClient(join(directory, "none.sock"));
    const work = absent.call(method, () => undefined, { timeoutMs: 5000, maxBytes: 1 });
    expect(await errorOf(work)).toMatchObject({ code: "Unavailable" });
    absent.close();
  });

  test("rejects with an error of the reader", async () => {
    answer = send(Buffer.from("cameras"), ok);
    const read = () => {
      throw new RangeError("no cameras");
    };
    const work = client.call(method, read, { timeoutMs: 5000, maxBytes: 1000 });
    expect(await errorOf(work)).toEqual({ code: "Internal", message: "no cameras" });
  });
});
