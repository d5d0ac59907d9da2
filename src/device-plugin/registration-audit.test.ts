import { describe, expect, test } from "bun:test";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { RegistrationAudit } from "./registration-audit.ts";

function setUp() {
  const log = recordingLogger();
  const clock = new ManualClock();
  let notify: () => void = () => undefined;
  const state = {
    known: ["video10"] as string[] | Error,
    expected: ["video10"] as string[] | undefined,
    notListed: 0,
  };
  const audit = new RegistrationAudit(
    {
      clock,
      log,
      allocatable: async () => {
        if (state.known instanceof Error) throw state.known;
        return state.known;
      },
      expected: () => state.expected,
      watch: (given) => {
        notify = given;
      },
      onNotListed: () => {
        state.notListed += 1;
      },
    },
    { intervalMs: 10_000, soonMs: 1000, rounds: 2 },
  );
  const rounds = async (count: number) => {
    for (let n = 0; n < count; n++) await audit.round(new AbortController().signal);
  };
  return { audit, clock, log, state, rounds, notify: () => notify() };
}

describe("the registration audit", () => {
  test("finds nothing wrong while the kubelet lists any of our devices", async () => {
    const { state, rounds } = setUp();
    await rounds(10);
    expect(state.notListed).toBe(0);
  });

  test("ends a registration when the kubelet lists none of our devices, twice in a row", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(1);
    expect(state.notListed).toBe(0);
    await rounds(1);
    expect(state.notListed).toBe(1);
  });

  test("counts from zero when the kubelet lists them in between", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(1);
    state.known = ["video10"];
    await rounds(1);
    state.known = [];
    await rounds(1);
    expect(state.notListed).toBe(0);
  });

  test("ends registrations less and less often while that doesn't help", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(2 + 4 + 8);
    expect(state.notListed).toBe(3);
    await rounds(15);
    expect(state.notListed).toBe(3);
    state.known = ["video10"];
    await rounds(1);
    state.known = [];
    await rounds(2);
    expect(state.notListed).toBe(4);
  });

  test("does not ask the kubelet without a healthy device or a registration", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    state.expected = [];
    await rounds(5);
    state.expected = undefined;
    await rounds(5);
    expect(state.notListed).toBe(0);
  });

  test("asks every 10 s, and a second after the first answer without our devices", async () => {
    const { audit, clock, state } = setUp();
    const stop = new AbortController();
    const running = audit.run(stop.signal);
    await settle();
    state.known = [];
    await clock.advance(9999);
    await clock.advance(1);
    expect(state.notListed).toBe(0);
    await clock.advance(1000);
    expect(state.notListed).toBe(1);
    stop.abort();
    await running;
  });

  test("asks soon when another instance has created or removed its socket", async () => {
    const { audit, clock, state, notify } = setUp();
    const stop = new AbortController();
    const running = audit.run(stop.signal);
    await settle();
    state.known = [];
    notify();
    await settle();
    await clock.advance(1000);
    await clock.advance(1000);
    expect(state.notListed).toBe(1);
    stop.abort();
    await running;
  });

  test("concludes nothing from a failed call, and logs it once", async () => {
    const { log, state, rounds } = setUp();
    state.known = new Error("connect ENOENT");
    await rounds(5);
    expect(state.notListed).toBe(0);
    expect(log.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      "info Registration audit failed",
    ]);
  });
});
