import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { makeMetrics } from "../../test/support/make-metrics.ts";
import { silentLogger } from "../common/logger.ts";
import { StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { connectionLimit } from "./connection-guard.ts";
import { type HttpServer, serveHttp } from "./http.ts";

/** Who reaches the port may send anything; what Bun does with it is held here, since we build on it. */
describe("HTTP under abuse", () => {
  let server: HttpServer;
  let asked: number;
  let cuts: number;
  const sockets: Socket[] = [];

  beforeEach(() => {
    asked = 0;
    cuts = 0;
    server = serveHttp(
      { address: "127.0.0.1", port: 0, countEveryMs: 20 },
      {
        metrics: makeMetrics(),
        probes: { live: () => [], ready: () => [] },
        status: () => {
          asked++;
          return create(StatusSchema);
        },
        log: silentLogger,
        onCut: () => cuts++,
      },
    );
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.stop();
  });

  /** Opens a connection, sends `bytes`; resolves to what came back when the other side has closed. */
  function send(bytes: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(server.port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let received = "";
    socket.on("data", (data) => {
      received += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
    sockets.push(socket);
    return promise;
  }

  const statusLine = async (bytes: string) => (await send(bytes)).split("\r\n")[0];
  const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;

  test("closes a connection on what is no request", async () => {
    for (const bytes of [
      "\0\x01\x02 hello\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]) {
      expect(await statusLine(bytes)).toBe("HTTP/1.1 400 Bad Request");
    }
  });

  test("reads no more of a head than 16 KiB", async () => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(100_000)}\r\n\r\n`;
    expect(await statusLine(head)).toBe("HTTP/1.1 431 Request Header Fields Too Large");
  });

  test("rejects bodies without reading them", async () => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
    expect(await statusLine(head)).toBe("HTTP/1.1 413 Request Entity Too Large");
  });

  test("answers 405 to all methods but two, and says which", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await fetch(url("/"), { method });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
    expect(await (await fetch(url("/"), { method: "HEAD" })).text()).toBe("");
  });

  test("survives hosts and targets that are no valid URL", async () => {
    const get = (target: string, host: string) =>
      statusLine(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await get("/healthz", "a b<>")).toBe("HTTP/1.1 200 OK");
    expect(await get("/healthz", "[::1")).toBe("HTTP/1.1 404 Not Found");
    expect(await get("/%zz", "a")).toBe("HTTP/1.1 404 Not Found");
    expect(await get("/../..//etc/passwd", "a")).toBe("HTTP/1.1 404 Not Found");
  });

  test("renders a page for many simultaneous requests only a few times", async () => {
    const started = performance.now();
    const wanted = Array.from({ length: 100 }, () => fetch(url("/")).then(({ status }) => status));
    expect(new Set(await Promise.all(wanted))).toEqual(new Set([200]));
    const windows = Math.floor((performance.now() - started) / 250) + 1;
    expect(asked).toBeLessThanOrEqual(5 * windows);
  });

  test("cuts all connections when there are too many, and goes on serving", async () => {
    const halfHead = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const held = Array.from({ length: connectionLimit + 50 }, () => send(halfHead));
    expect(new Set(await Promise.all(held))).toEqual(new Set([""]));
    expect(cuts).toBeGreaterThan(0);
    expect((await fetch(url("/healthz"))).status).toBe(200);
  });
});
