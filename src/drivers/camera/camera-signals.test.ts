import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { FakeCameras } from "../../../test/support/fake-cameras.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import type { VideoDriver } from "../driver.ts";
import type { CameraPoolSettings } from "./camera-settings.ts";
import type { NodeAnswer } from "./questions.ts";

let node: FakeCameras;
let clock: ManualClock;
beforeEach(async () => {
  node = new FakeCameras();
  clock = new ManualClock();
  await node.addCard(4);
});
afterEach(() => node.close());

const card = "platform-card4";
const free = new Set([card]);
const none = new Set<string>();
const input = (status: number): NodeAnswer<"input"> => ({
  state: "answered",
  input: { name: "HDMI", status },
});

/** A plugin that begins with a card that answers so. */
async function start(
  answer?: NodeAnswer<"input">,
  signal: CameraPoolSettings["signal"] = "report",
) {
  answers(answer);
  const started = node.start({ clock, signal });
  await started.driver.ensure();
  return started;
}

function answers(answer: NodeAnswer<"input"> | undefined): void {
  if (answer !== undefined) node.inputs.set(4, answer);
}

/** What an inspection sees, after the answers to the one before. */
async function see(driver: VideoDriver, ids: ReadonlySet<string> = free) {
  await driver.inspect({ free: ids });
  await settle();
  const [{ reason = "", state = "", signal = "unknown", detail = "" } = {}] =
    await driver.inspect();
  return { seen: `${state} ${reason}, ${signal}`, detail };
}

describe("a capture card without a signal", () => {
  test("is healthy, and shown, and the log has it once", async () => {
    const { driver, log } = await start(input(0x2));
    expect((await see(driver)).seen).toBe("ok ok, missing");
    await clock.advance(10_000);
    await see(driver);
    answers(input(0));
    await clock.advance(10_000);
    expect((await see(driver)).seen).toBe("ok ok, present");
    const fields = { device_id: card, input: "HDMI" };
    expect(log.lines.filter(({ msg }) => msg.startsWith("Input"))).toEqual([
      { level: "info", msg: "Input without a signal", fields },
      { level: "info", msg: "Input has a signal again", fields },
    ]);
  });

  test("is unhealthy from the start if its pool needs one", async () => {
    const { driver, log } = await start(input(0x100), "required");
    const [seen] = await driver.inspect();
    expect(seen).toMatchObject({
      ...{ state: "faulty", reason: "no_signal", signal: "missing", fix: "none" },
      detail: expect.stringContaining('No source feeds the input "HDMI" of '),
    });
    answers(input(0));
    await clock.advance(10_000);
    expect((await see(driver)).seen).toBe("ok ok, present");
    // The inventory logs that.
    expect(log.lines.filter(({ msg }) => msg.startsWith("Input"))).toEqual([]);
  });

  test("is not asked if its pool ignores signals", async () => {
    const { driver } = await start(input(0x2), "ignore");
    expect((await see(driver)).seen).toBe("ok ok, unknown");
    expect(node.askedForInput).toEqual([]);
  });
});

test("what a missing signal is can be changed, and the driver asks for an inspection", async () => {
  const { driver } = await start(input(0x2), "ignore");
  expect((await see(driver)).seen).toBe("ok ok, unknown");
  const stop = new AbortController();
  let notified = 0;
  driver.watch(() => notified++, stop.signal);
  driver.change({ expect: 0, signal: "required" });
  expect(notified).toBe(1);
  expect((await see(driver)).seen).toBe("faulty no_signal, missing");
  driver.change({ expect: 0, signal: "report" });
  expect((await see(driver)).seen).toBe("ok ok, missing");
  driver.change({ expect: 0, signal: "ignore" });
  expect((await see(driver)).seen).toBe("ok ok, unknown");
  stop.abort();
});

describe("a capture card", () => {
  test("is asked when it was plugged in, and then while it is free", async () => {
    const { driver } = await start(input(0));
    expect(node.askedForInput).toEqual([join(node.deviceDir, "video4")]);
    answers(input(0x2));
    await clock.advance(60_000);
    expect((await see(driver, none)).seen).toBe("ok ok, present");
    expect(node.askedForInput).toHaveLength(1);
    expect((await see(driver)).seen).toBe("ok ok, missing");
    expect(node.askedForInput).toHaveLength(2);
  });

  test("that a pod owns at the start is not asked before it is free", async () => {
    const before = await start(input(0));
    await before.catalog.saved();
    node.askedForInput.length = 0;
    const { driver } = node.start({ clock, allocated: [card] });
    await driver.ensure();
    expect((await see(driver, none)).seen).toBe("ok ok, unknown");
    expect(node.askedForInput).toEqual([]);
    expect((await see(driver)).seen).toBe("ok ok, present");
  });

  test("is asked every 10 s at most, and not again while it answers", async () => {
    const { driver } = await start(input(0));
    await clock.advance(9999);
    await see(driver);
    expect(node.askedForInput).toHaveLength(1);
    await clock.advance(1);
    const answer = Promise.withResolvers<void>();
    node.answering = answer.promise;
    await see(driver);
    await clock.advance(10_000);
    await see(driver);
    expect(node.askedForInput).toHaveLength(2);
    answer.resolve();
    await settle();
    await clock.advance(10_000);
    await see(driver);
    expect(node.askedForInput).toHaveLength(3);
  });

  test("without inputs has no signal to show", async () => {
    const { driver } = await start({ state: "answered" }, "required");
    expect((await see(driver)).seen).toBe("ok ok, unknown");
  });

  test("that hangs when it is asked is stuck, and asked no more", async () => {
    const { driver } = await start({ state: "stuck" });
    expect((await see(driver)).seen).toBe("faulty stuck, unknown");
    await clock.advance(10_000);
    await see(driver);
    expect(node.askedForInput).toHaveLength(1);
  });

  test("that its driver has lost is a zombie", async () => {
    const { driver } = await start({ state: "refused", errno: "ENODEV" });
    expect((await see(driver)).seen).toBe("faulty zombie, unknown");
  });

  test("that refuses for a moment has the signal that it had", async () => {
    const { driver } = await start(input(0x2));
    expect((await see(driver)).seen).toBe("ok ok, missing");
    answers({ state: "refused", errno: "EBUSY" });
    await clock.advance(10_000);
    expect((await see(driver)).seen).toBe("ok ok, missing");
    expect(node.askedForInput).toHaveLength(2);
  });

  test("that this process may not open is asked again after 100 s", async () => {
    const { driver } = await start({ state: "refused", errno: "EPERM" });
    expect((await see(driver)).seen).toBe("ok ok, unknown");
    await clock.advance(99_999);
    await see(driver);
    expect(node.askedForInput).toHaveLength(1);
    await clock.advance(1);
    await see(driver);
    expect(node.askedForInput).toHaveLength(2);
  });

  test("has an inspection follow an answer that changes something, and no other", async () => {
    const { driver } = await start(input(0));
    let calls = 0;
    const stop = new AbortController();
    driver.watch(() => {
      calls += 1;
    }, stop.signal);
    answers(input(0x2));
    for (const wanted of [1, 1]) {
      await clock.advance(10_000);
      await see(driver);
      expect(calls).toBe(wanted);
    }
    stop.abort();
  });
});

test("a webcam is not asked: its driver knows no signal, and an open may wake it", async () => {
  node.plug("1", { serial: "A" });
  const { driver } = await start();
  await clock.advance(10_000);
  await see(driver, new Set([card, "usb-046d-0825-A"]));
  expect(new Set(node.askedForInput)).toEqual(new Set([join(node.deviceDir, "video4")]));
});
