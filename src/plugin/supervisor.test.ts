import { describe, expect, test } from "bun:test";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { type Actor, supervise } from "./supervisor.ts";

function setUp(run: Actor["run"]) {
  const clock = new ManualClock();
  const log = recordingLogger();
  const restarts: string[] = [];
  const ends: string[] = [];
  const stop = new AbortController();
  const running = supervise({ name: "part", run }, stop.signal, {
    clock,
    log,
    random: () => 1,
    onRestart: (actor) => restarts.push(actor),
    onEnd: (error) => ends.push(error.code),
  });
  return { clock, log, restarts, ends, stop, running };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

describe("a supervised part", () => {
  test("runs until it is stopped", async () => {
    const { stop, running, restarts } = setUp(untilAborted);
    await settle();
    stop.abort();
    await running;
    expect(restarts).toEqual([]);
  });

  test("is restarted when it throws, with growing delays, and the log says why", async () => {
    let runs = 0;
    const { clock, log, restarts, stop, running } = setUp(async () => {
      runs += 1;
      throw new Error(`failure ${runs}`);
    });
    await settle();
    expect(runs).toBe(1);
    await clock.advance(1000);
    expect(runs).toBe(2);
    await clock.advance(1000);
    expect(runs).toBe(2);
    await clock.advance(1000);
    expect(runs).toBe(3);
    expect(restarts).toEqual(["part", "part", "part"]);
    expect(log.lines[0]).toMatchObject({
      level: "error",
      msg: "Part failed",
      fields: { actor: "part", error: "failure 1", restart_in_ms: 1000 },
    });
    stop.abort();
    await running;
  });

  test("that needs a new process is not run again", async () => {
    const { restarts, ends, running } = setUp(async () => {
      throw new PluginError("kubelet_directory_deleted", "The directory /dp was deleted.");
    });
    await running;
    expect(ends).toEqual(["kubelet_directory_deleted"]);
    expect(restarts).toEqual([]);
  });

  test("that fails takes with it what it had started", async () => {
    const signals: AbortSignal[] = [];
    const { stop, running } = setUp(async (signal) => {
      signals.push(signal);
      throw new Error("failure");
    });
    await settle();
    expect(signals[0]?.aborted).toBe(true);
    stop.abort();
    await running;
  });

  test("is restarted when it ends on its own", async () => {
    const { log, stop, running } = setUp(async () => undefined);
    await settle();
    expect(log.lines[0]?.fields["error_code"]).toBe("ended");
    stop.abort();
    await running;
  });

  test("that fails while stopping is reported and not restarted", async () => {
    const { log, restarts, stop, running } = setUp(async (signal) => {
      await untilAborted(signal);
      throw new Error("late");
    });
    await settle();
    stop.abort();
    await running;
    expect(restarts).toEqual([]);
    expect(log.lines[0]).toMatchObject({ msg: "Part failed while stopping" });
  });
});
