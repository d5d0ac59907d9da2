import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { eventually } from "../../test/support/eventually.ts";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { systemClock } from "../common/clock.ts";
import { linuxCalls } from "./linux-calls.ts";
import { parseUevents, reopenMs, type UeventWatch, ueventSource, watchUevents } from "./uevents.ts";

const VIDEO10 = "/devices/virtual/video4linux/video10";
const message = (headline: string) => Buffer.from(`${headline}\0ACTION=add\0SEQNUM=12\0`);

describe("uevents", () => {
  test("are read from their headlines, however many come at once", () => {
    const chunk = Buffer.concat([
      message(`add@${VIDEO10}`),
      message("remove@/module/v4l2loopback"),
    ]);
    expect(parseUevents(chunk)).toEqual([
      { action: "add", path: VIDEO10 },
      { action: "remove", path: "/module/v4l2loopback" },
    ]);
  });

  test.each(["", "\0\0", "libudev\0\xfe\xed", "DEVNAME=a@/b", "add@relative"])(
    "%j is none",
    (text) => expect(parseUevents(Buffer.from(text))).toEqual([]),
  );
});

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function start(overrides: Partial<UeventWatch> = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const seen = { notified: 0, opened: 0, closed: 0, refused: 0 };
  const sources: ReadableStreamDefaultController<Uint8Array>[] = [];
  const clock = new ManualClock();
  const open = () => {
    seen.opened++;
    const chunks = new ReadableStream<Uint8Array>({ start: (source) => void sources.push(source) });
    return { chunks, close: () => void seen.closed++ };
  };
  const done = watchUevents(
    {
      open,
      matches: ({ path }) => path === VIDEO10,
      notify: () => void seen.notified++,
      onUnavailable: () => void seen.refused++,
      clock,
      ...overrides,
    },
    stop.signal,
  );
  return { seen, sources, clock, stop, done };
}

describe("a watch of uevents", () => {
  test("notifies once for what comes together, and not for what doesn't match", async () => {
    const { seen, sources } = start();
    sources[0]?.enqueue(message("add@/devices/virtual/net/lo"));
    await Bun.sleep(30);
    expect(seen.notified).toBe(0);
    for (let i = 0; i < 3; i++) sources[0]?.enqueue(message(`add@${VIDEO10}`));
    await eventually(() => seen.notified > 0, "a notification");
    await Bun.sleep(30);
    expect(seen.notified).toBe(1);
  });

  test("that lost events notifies, and goes on with another socket", async () => {
    const { seen, sources, clock } = start();
    sources[0]?.error(new Error("ENOBUFS"));
    await eventually(() => seen.notified > 0, "a notification of what was lost");
    expect(seen).toMatchObject({ notified: 1, closed: 1, opened: 1 });
    await clock.advance(reopenMs);
    sources[1]?.enqueue(message(`add@${VIDEO10}`));
    await eventually(() => seen.notified > 1, "a notification of the other one");
    expect(seen).toMatchObject({ notified: 2, opened: 2 });
  });

  test("that can't be opened says so and ends", async () => {
    const open = () => {
      throw new Error("EPERM");
    };
    const { seen, done } = start({ open });
    await done;
    expect(seen).toMatchObject({ refused: 1, notified: 0 });
  });

  test("closes its socket when it is stopped", async () => {
    const { seen, stop, done } = start();
    await settle();
    stop.abort();
    await done;
    expect(seen).toMatchObject({ closed: 1, notified: 0 });
  });

  test.if(canProvoke())("hears the kernel, and ends when it is stopped", async () => {
    const open = () => ueventSource(linuxCalls().openUevents());
    const matches: UeventWatch["matches"] = ({ action, path }) =>
      action === "change" && path.endsWith("/net/lo");
    const { seen, stop, done } = start({ open, matches, clock: systemClock });
    provoke();
    await eventually(() => seen.notified > 0, "a notification");
    expect(seen.notified).toBe(1);
    stop.abort();
    await done;
  });
});

/** Has the kernel say that the loopback interface changed, which it did not. */
function provoke(): void {
  writeFileSync("/sys/class/net/lo/uevent", "change");
}

function canProvoke(): boolean {
  try {
    provoke();
    return true;
  } catch {
    return false; // no root, or /sys is read-only
  }
}
