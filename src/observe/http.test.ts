import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { create, fromJsonString } from "@bufbuild/protobuf";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { makeDevices } from "../../test/support/make-devices.ts";
import { makeMetrics } from "../../test/support/make-metrics.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { GetStatusResponseSchema, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { type HttpServer, serveHttp } from "./http.ts";

let server: HttpServer;
let registered = false;
let hanging = false;
let broken = false;
const log = recordingLogger();
const { inventory } = makeDevices({ driver: new FakeDriver(2) });
const metrics = makeMetrics({
  devices: () => inventory.list(),
  registered: () => registered,
  activity: () => [
    { id: "video10", use: "in_use", cleanliness: "dirty", resets: 0, repairs: 0 },
    { id: "video11", use: "unknown", cleanliness: "clean", resets: 0, repairs: 0 },
  ],
  owners: undefined,
});

const served: Parameters<typeof serveHttp>[1] = {
  metrics,
  probes: {
    live: () => [{ name: "monitor", failure: hanging ? "the reset hangs" : undefined }],
    ready: () => [{ name: "registered", failure: registered ? undefined : "kubelet_absent" }],
  },
  status: () => {
    if (broken) throw new TypeError("out of film");
    return create(StatusSchema, { nodeName: "node-a", devices: [{ id: "video10" }] });
  },
  log,
};

beforeAll(() => {
  server = serveHttp({ address: "127.0.0.1", port: 0 }, served);
});
afterAll(() => server.stop());

const get = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);

describe("HTTP", () => {
  test("is live whatever the kubelet does", async () => {
    registered = false;
    expect((await get("/healthz")).status).toBe(200);
  });

  test("is not live while something hangs, and says what", async () => {
    hanging = true;
    const response = await get("/healthz");
    hanging = false;
    expect([response.status, await response.text()]).toEqual([503, "the reset hangs\n"]);
  });

  test("is ready only while registered, and says what is missing", async () => {
    registered = false;
    const waiting = await get("/readyz");
    expect([waiting.status, await waiting.json()]).toEqual([
      503,
      { ready: false, missing: [{ check: "registered", reason: "kubelet_absent" }] },
    ]);
    registered = true;
    expect((await get("/readyz")).status).toBe(200);
  });

  test("serves metrics in Prometheus' format", async () => {
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    const lines = (await response.text()).split("\n");
    expect(lines).toContain('video_device_plugin_build_info{version="1.2.3",node="node-a"} 1');
  });

  test("is read-only: answers no other methods", async () => {
    expect((await get("/metrics", { method: "POST", body: "x" })).status).not.toBe(200);
    expect((await get("/healthz", { method: "DELETE" })).status).toBe(405);
  });

  test("names the available paths for an unknown one", async () => {
    const response = await get("/nope");
    expect([response.status, await response.text()]).toEqual([
      404,
      "not found; available: /, /status.json, /metrics, /healthz and /readyz\n",
    ]);
  });

  test("serves the status as a page and as JSON", async () => {
    const page = await get("/");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain("<h1><bdi>node-a</bdi></h1>");
    const json = await get("/status.json");
    expect(json.headers.get("content-type")).toBe("application/json");
    const text = await json.text();
    const { status } = fromJsonString(GetStatusResponseSchema, text);
    expect(status?.devices.map(({ id }) => id)).toEqual(["video10"]);
    // False and 0 are there too: a filter for them must find them.
    expect(JSON.parse(text).status.devices[0]).toMatchObject({ healthy: false, resets: 0 });
  });

  test("has headers against guessing, caching and embedding on every answer", async () => {
    for (const path of ["/", "/status.json", "/metrics", "/healthz", "/readyz", "/nope"]) {
      const { headers } = await get(path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      const policy = headers.get("content-security-policy");
      expect(policy).toStartWith("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
    }
  });

  test("logs an internal error once, however often a request repeats it", async () => {
    broken = true;
    await Bun.sleep(300); // until the throttle returns no earlier page
    for (let asked = 0; asked < 3; asked++) expect((await get("/status.json")).status).toBe(500);
    broken = false;
    const errors = log.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ msg, fields }) => [msg, fields["error"]])).toEqual([
      ["Request handler failed", "TypeError: out of film"],
    ]);
    expect(errors[0]?.fields["stack"]).toContain("http.test.ts");
  });
});

describe("a port that can't be used", () => {
  /** How serving there fails. */
  function failure(address: string, port: number): PluginError | undefined {
    try {
      void serveHttp({ address, port }, served).stop();
      return undefined;
    } catch (reason) {
      return PluginError.from(reason);
    }
  }

  test("is reported as used by another process, and not shared with it", () => {
    const error = failure("127.0.0.1", server.port);
    expect(error?.code).toBe("metrics_port_unusable");
    expect(error?.message).toBe(
      `Listening on 127.0.0.1:${server.port} failed: another process uses the port.`,
    );
    expect(error?.remedy).toContain("METRICS_PORT");
  });

  test("is reported if the host does not have the address", () => {
    const error = failure("192.0.2.1", 8080);
    expect(error?.message).toBe(
      "Listening on 192.0.2.1:8080 failed: this host does not have the address.",
    );
  });
});

/** Empty or absent where the kernel has no IPv6, or it is turned off. */
const hasIpv6 = await Bun.file("/proc/net/if_inet6")
  .text()
  .then(
    (text) => text !== "",
    () => false,
  );

test.skipIf(!hasIpv6)("on :: it is reached over IPv6 and over IPv4", async () => {
  const both = serveHttp({ address: "::", port: 0 }, served);
  try {
    for (const host of ["[::1]", "127.0.0.1"]) {
      expect((await fetch(`http://${host}:${both.port}/metrics`)).status).toBe(200);
    }
  } finally {
    await both.stop();
  }
});
