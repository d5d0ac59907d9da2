import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quickTimes } from "../../test/scenarios/harness.ts";
import { eventually } from "../../test/support/eventually.ts";
import { idlePluginService } from "../../test/support/idle-plugin-service.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../common/clock.ts";
import type { LogFields, Logger } from "../common/logger.ts";
import { Registrar } from "./registrar.ts";

let directory: string;
let kubelet: Server;
/** Accepts, and never answers anything. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
  mkdirSync(join(directory, "dp"));
  kubelet = createServer(() => undefined).listen(join(directory, "dp", "kubelet.sock"));
});
afterEach(() => {
  kubelet.close();
  rmSync(directory, { recursive: true });
});

/** A registrar of a plugin without devices, and the events that its observer received. */
function make(socketPath: string, onDebug: (msg: string, fields: LogFields) => void = () => {}) {
  const recorder = recordingLogger();
  const log: Logger = { ...recorder, debug: (msg, fields) => onDebug(msg, fields ?? {}) };
  const events: string[] = [];
  const registrar = new Registrar(
    {
      resourceName: "example.com/cameras",
      kubeletSocket: join(directory, "dp", "kubelet.sock"),
      socketPath,
      podResourcesSocket: join(directory, "pr", "kubelet.sock"),
      preStart: false,
      times: quickTimes,
    },
    {
      clock: systemClock,
      log,
      // The longest delays, which are the same every time.
      random: () => 0.999,
      observer: {
        registered: () => events.push("registered"),
        registerFailed: () => events.push("failed"),
        ended: (reason) => events.push(reason),
      },
      service: () => idlePluginService(),
      takeOver: async () => false,
      onDefect: () => undefined,
    },
  );
  const saying = (msg: string) => recorder.lines.filter((line) => line.msg === msg);
  const run = () => {
    const stop = new AbortController();
    const running = registrar.run(stop.signal);
    return async () => {
      stop.abort();
      await running;
    };
  };
  return { registrar, events, saying, run };
}

/** One that runs. */
function start(...options: Parameters<typeof make>) {
  const made = make(...options);
  return { ...made, stop: made.run() };
}

const hidden = () => readdirSync(join(directory, "dp")).filter((name) => name.startsWith("."));

describe("a registrar", () => {
  test("that can't serve logs a failure, and counts no failed Register", async () => {
    const { events, saying, stop } = start(join(directory, "missing", "plugin.sock"));
    await eventually(() => saying("Registration failed").length === 2, "two attempts");
    await stop();
    expect(saying("Registration failed").map(({ fields }) => fields["step"])).toEqual([
      "listen",
      "listen",
    ]);
    expect(events).toEqual([]);
  });

  test("whose socket is removed before registration retries with growing delays", async () => {
    const started = performance.now();
    const { saying, stop } = start(join(directory, "dp", "plugin.sock"), (msg, fields) => {
      if (msg === "Serving") unlinkSync(String(fields["socket_path"]));
    });
    const lost = () => saying("Socket lost before registration");
    await eventually(() => lost().length === 3, "three attempts");
    await stop();
    expect(lost().map(({ fields }) => fields["attempt"])).toEqual([1, 2, 3]);
    // 100 ms and 200 ms
    expect(performance.now() - started).toBeGreaterThan(290);
  });

  test("that has prepared a socket, and stops before a kubelet comes, leaves none", async () => {
    kubelet.close();
    const { registrar, run } = make(join(directory, "dp", "plugin.sock"));
    await registrar.prepare(new AbortController().signal);
    expect(hidden()).toHaveLength(1);
    await run()();
    expect(hidden()).toEqual([]);
  });

  test("whose prepared socket can't be renamed serves on another one", async () => {
    const served: string[] = [];
    const { registrar, run } = make(join(directory, "dp", "plugin.sock"), (msg, fields) => {
      if (msg === "Serving") served.push(String(fields["socket_path"]));
      if (msg === "Prepared socket could not be renamed") rmSync(inTheWay, { recursive: true });
    });
    await registrar.prepare(new AbortController().signal);
    const [name = ""] = hidden();
    const inTheWay = join(directory, "dp", name.slice(1));
    mkdirSync(inTheWay);
    const stop = run();
    await eventually(() => served.length > 0, "the server");
    await eventually(() => hidden().length === 0, "the end of the prepared one");
    await stop();
  });
});
