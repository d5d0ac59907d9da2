import { describe, expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { DeviceOwners, type Owner } from "./device-owners.ts";
import { logOwners } from "./owner-log.ts";

const bot = (n: number): Owner => ({ namespace: "bots", pod: `bot-${n}`, container: "app" });
const listed = (owners: Record<string, Owner>) => new Map(Object.entries(owners));
const setUp = () => new DeviceOwners({ staleMs: 35_000, restartGraceMs: 60_000 });

describe("the owners of devices", () => {
  test("are those of the last answer", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    const update = owners.answered(listed({ video10: bot(2), video11: bot(3) }), 10);
    expect(update).toEqual({
      first: false,
      changes: [
        { id: "video10", before: bot(1), after: bot(2) },
        { id: "video11", before: undefined, after: bot(3) },
      ],
    });
    expect(owners.current(10)).toEqual(listed({ video10: bot(2), video11: bot(3) }));
    expect(owners.answered(listed({ video11: bot(3) }), 20).changes).toEqual([
      { id: "video10", before: bot(2), after: undefined },
    ]);
  });

  test("that stay the same are no change", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    expect(owners.answered(listed({ video10: { ...bot(1) } }), 10).changes).toEqual([]);
  });

  test("of a stale answer are not shown, and are no change when they are listed again", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    expect(owners.current(35_000).size).toBe(1);
    expect(owners.current(35_001).size).toBe(0);
    expect(owners.answered(listed({ video10: bot(1) }), 50_000).changes).toEqual([]);
    expect(owners.current(50_000).size).toBe(1);
  });

  test("stay while a restarted kubelet leaves them out, for up to a minute", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1), video11: bot(2) }), 0);
    owners.kubeletRestarted(1000);
    expect(owners.answered(listed({ video11: bot(3) }), 2000).changes).toEqual([
      { id: "video11", before: bot(2), after: bot(3) },
    ]);
    expect(owners.current(2000).get("video10")).toEqual(bot(1));
    expect(owners.answered(listed({ video11: bot(3) }), 61_000).changes).toEqual([
      { id: "video10", before: bot(1), after: undefined },
    ]);
  });

  test("that a restarted kubelet has listed are gone at once when it leaves them out", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    owners.kubeletRestarted(1000);
    owners.answered(listed({}), 2000);
    owners.answered(listed({ video10: bot(1) }), 3000);
    expect(owners.answered(listed({}), 4000).changes).toEqual([
      { id: "video10", before: bot(1), after: undefined },
    ]);
  });

  test("are not those of an answer to an earlier call", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(2) }), 20);
    expect(owners.answered(listed({ video10: bot(1) }), 10).changes).toEqual([]);
    expect(owners.current(20).get("video10")).toEqual(bot(2));
  });
});

describe("the log of owners", () => {
  test("has a line for each device that a pod owns or releases", () => {
    const log = recordingLogger();
    const owners = setUp();
    logOwners(log, owners.answered(new Map(), 0));
    logOwners(log, owners.answered(listed({ video10: bot(1) }), 10));
    logOwners(log, owners.answered(listed({ video10: bot(2) }), 20));
    logOwners(log, owners.answered(listed({ video10: bot(2) }), 30));
    logOwners(log, owners.answered(new Map(), 40));
    expect(log.lines).toMatchObject([
      { level: "info", msg: "Device owned by pod", fields: { device_id: "video10", ...bot(1) } },
      { level: "info", msg: "Device released by pod", fields: { device_id: "video10", ...bot(1) } },
      { level: "info", msg: "Device owned by pod", fields: { device_id: "video10", ...bot(2) } },
      { level: "info", msg: "Device released by pod", fields: { device_id: "video10", ...bot(2) } },
    ]);
  });

  test("has one line for all devices that pods owned before", () => {
    const log = recordingLogger();
    logOwners(log, setUp().answered(listed({ video10: bot(1), video11: bot(2) }), 0));
    expect(log.lines).toMatchObject([
      {
        level: "info",
        msg: "Devices already owned by pods",
        fields: { count: 2, owners: ["video10 bots/bot-1/app", "video11 bots/bot-2/app"] },
      },
    ]);
  });
});
