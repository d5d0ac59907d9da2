import { afterEach, beforeEach, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, systemClock } from "../../src/common/clock.ts";
import type { Logger } from "../../src/common/logger.ts";
import { freePort } from "../support/free-port.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

test("a stall of the event loop shows in the probes while the admin API keeps failing, and ends with it", async () => {
  writeFileSync(dirname(scenario.adminSocket), "in the way");
  const recorder = recordingLogger();
  const log: Logger = {
    ...recorder,
    warn: (msg, fields) => {
      if (msg === "Serving the admin API failed") throw new Error("out of order");
      recorder.warn(msg, fields);
    },
  };
  let lateMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + lateMs };
  const port = freePort();
  const http = { "enable-metrics": "true", "metrics-address": "127.0.0.1" };
  scenario.startPlugin({ ...http, "metrics-port": String(port) }, { log, clock });
  const failed = () => recorder.lines.some(({ fields }) => fields["actor"] === "admin");
  await eventually(failed, "the admin API's failure");

  let health = "";
  const asking = setInterval(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz?verbose`).catch(() => undefined);
    health = (await answer?.text()) ?? "";
  }, 20);
  try {
    await eventually(() => health.includes("[+]event-loop ok"), "a look without a stall");
    lateMs = 10_000;
    await eventually(() => /\[-\]event-loop failed: .* 1\d\.\d s behind/.test(health), "the stall");
    await eventually(() => health.includes("[+]event-loop ok"), "the end of the stall");
  } finally {
    clearInterval(asking);
  }
});
