import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { systemClock } from "../common/clock.ts";
import { DevicePool } from "../devices/pool.ts";
import { type HttpServer, serveHttp } from "./http.ts";
import { Metrics } from "./metrics.ts";

let server: HttpServer;
let registered = false;
let hanging = false;
const pool = new DevicePool(new FakeDriver(2).devices, systemClock);
const metrics = new Metrics({
  version: "1.2.3",
  nodeName: "node-a",
  devices: () => pool.list(),
  registered: () => registered,
  care: () => [
    { id: "video10", use: "in_use", cleanliness: "dirty", resets: 0, repairs: 0 },
    { id: "video11", use: "unknown", cleanliness: "clean", resets: 0, repairs: 0 },
  ],
});

beforeAll(() => {
  server = serveHttp(
    { address: "127.0.0.1", port: 0 },
    {
      metrics,
      probes: {
        live: () => [{ name: "monitor", failure: hanging ? "the reset hangs" : undefined }],
        ready: () => [{ name: "registered", failure: registered ? undefined : "kubelet_absent" }],
      },
    },
  );
});
afterAll(() => server.stop());

const get = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);

describe("HTTP", () => {
  test("is alive whatever the kubelet does", async () => {
    registered = false;
    expect((await get("/healthz")).status).toBe(200);
  });

  test("is not alive when something hangs, and says what", async () => {
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

  test("shows what happened as metrics", async () => {
    registered = true;
    pool.apply([{ id: "video10", state: "ok", detail: "" }]);
    metrics.allocated(2, 0.2);
    metrics.allocationRefused(5);
    metrics.registered(1);
    metrics.registerFailed(4);
    metrics.ended("stream_ended");
    metrics.inspected(1);
    metrics.actorRestarted("monitor");
    metrics.cared("video10", "reset", "ok");
    metrics.cared("video10", "repair", "busy");
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    const lines = (await response.text()).split("\n");
    for (const line of [
      'video_device_plugin_build_info{version="1.2.3",node="node-a"} 1',
      'video_device_plugin_device_healthy{device="video10"} 1',
      'video_device_plugin_device_healthy{device="video11"} 0',
      "video_device_plugin_registered 1",
      "video_device_plugin_allocated_devices_total 2",
      "video_device_plugin_allocate_duration_seconds_count 1",
      'video_device_plugin_allocations_refused_total{code="5"} 1',
      'video_device_plugin_registrations_total{result="accepted"} 1',
      'video_device_plugin_registrations_total{result="failed"} 1',
      'video_device_plugin_registrations_ended_total{reason="stream_ended"} 1',
      "video_device_plugin_inspection_duration_seconds_count 1",
      'video_device_plugin_actor_restarts_total{actor="monitor"} 1',
      'video_device_plugin_device_in_use{device="video10"} 1',
      'video_device_plugin_device_in_use{device="video11"} 0',
      'video_device_plugin_device_clean{device="video10"} 0',
      'video_device_plugin_device_clean{device="video11"} 1',
      'video_device_plugin_resets_total{device="video10",result="ok"} 1',
      'video_device_plugin_repairs_total{device="video10",result="busy"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    const resident = lines.find((line) => line.startsWith("process_resident_memory_bytes "));
    expect(Number(resident?.split(" ")[1])).toBeGreaterThan(1e7);
  });

  test("changes nothing: only reads are answered", async () => {
    expect((await get("/metrics", { method: "POST", body: "x" })).status).not.toBe(200);
    expect((await get("/healthz", { method: "DELETE" })).status).toBe(405);
  });

  test("names what there is where there is nothing", async () => {
    const response = await get("/nope");
    expect([response.status, await response.text()]).toEqual([
      404,
      "not found; there are /metrics, /healthz and /readyz\n",
    ]);
  });
});
