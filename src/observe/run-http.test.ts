import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { eventually } from "../../test/support/eventually.ts";
import { makeMetrics } from "../../test/support/make-metrics.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../common/clock.ts";
import { StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { runHttp } from "./run-http.ts";

/** A clock on which waiting for the next try takes no time. */
const clock = {
  ...systemClock,
  sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(1, signal),
};

test("a port in use is one warning with a remedy, and served when it is free", async () => {
  const taken = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch: () => new Response("other"),
  });
  const address = "127.0.0.1";
  const port = taken.port ?? 0;
  const log = recordingLogger();
  const stop = new AbortController();
  const deps = {
    metrics: makeMetrics(),
    probes: { live: () => [], ready: () => [] },
    status: () => create(StatusSchema),
    ...{ clock, log, random: () => 0 },
  };
  const running = runHttp({ address, port }, deps, stop.signal);
  const warnings = () => log.lines.filter(({ msg }) => msg === "Serving metrics failed");
  await eventually(() => warnings().length >= 5, "five tries");
  expect(warnings().filter(({ level }) => level !== "debug")).toEqual([
    expect.objectContaining({
      level: "warn",
      fields: expect.objectContaining({
        error_code: "metrics_port_unusable",
        remedy: expect.stringContaining("METRICS_PORT"),
        next: expect.any(String),
      }),
    }),
  ]);
  await taken.stop(true);
  await eventually(() => log.lines.some(({ msg }) => msg === "Serving metrics"), "the port");
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  stop.abort();
  await running;
  expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
});
