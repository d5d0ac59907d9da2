import { describe, expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { DeviceOwners, type Owner } from "./device-owners.ts";
import { logOwners } from "./owner-log.ts";

const bot = (n: number): Owner => ({ namespace: "bots", pod: `bot-${n}`, container: "app" });
const listed = (owners: Record<string, Owner>) => new Map(Object.entries(owners));
const setUp = () => new DeviceOwners({ staleMs: 35_000, restartGraceMs: 60_000 });

describe("owners", () => {
  test("are whom the last answer names", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    const news = owners.answered(listed({ video10: bot(2), video11: bot(3) }), 10);
    expect(news).toEqual({
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

  test("that stay are no news", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    expect(owners.answered(listed({ video10: { ...bot(1) } }), 10).changes).toEqual([]);
  });

  test("of an answer that is too old are not shown, and have not changed when they are named again", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    expect(owners.current(35_000).size).toBe(1);
    expect(owners.current(35_001).size).toBe(0);
    expect(owners.answered(listed({ video10: bot(1) }), 50_000).changes).toEqual([]);
    expect(owners.current(50_000).size).toBe(1);
  });

  test("are kept while a kubelet that has begun anew leaves them out, up to a minute", () => {
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

  test("that a new kubelet has named once are missed at once when it leaves them out", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(1) }), 0);
    owners.kubeletRestarted(1000);
    owners.answered(listed({}), 2000);
    owners.answered(listed({ video10: bot(1) }), 3000);
    expect(owners.answered(listed({}), 4000).changes).toEqual([
      { id: "video10", before: bot(1), after: undefined },
    ]);
  });

  test("are not those of an answer that was overtaken", () => {
    const owners = setUp();
    owners.answered(listed({ video10: bot(2) }), 20);
    expect(owners.answered(listed({ video10: bot(1) }), 10).changes).toEqual([]);
    expect(owners.current(20).get("video10")).toEqual(bot(2));
  });
});

describe("the owners' log", () => {
  test("tells of each device that is taken and given back", () => {
    const log = recordingLogger();
    const owners = setUp();
    logOwners(log, owners.answered(new Map(), 0));
    logOwners(log, owners.answered(listed({ video10: bot(1) }), 10));
    logOwners(log, owners.answered(listed({ video10: bot(2) }), 20));
    logOwners(log, owners.answered(listed({ video10: bot(2) }), 30));
    logOwners(log, owners.answered(new Map(), 40));
    expect(log.lines).toMatchObject([
      { level: "info", msg: "Device taken", fields: { device_id: "video10", ...bot(1) } },
      { level: "info", msg: "Device given back", fields: { device_id: "video10", ...bot(1) } },
      { level: "info", msg: "Device taken", fields: { device_id: "video10", ...bot(2) } },
      { level: "info", msg: "Device given back", fields: { device_id: "video10", ...bot(2) } },
    ]);
  });

  test("has one line for all that were taken before", () => {
    const log = recordingLogger();
    logOwners(log, setUp().answered(listed({ video10: bot(1), video11: bot(2) }), 0));
    expect(log.lines).toMatchObject([
      {
        level: "info",
        msg: "Devices are taken already",
        fields: { count: 2, owners: ["video10 bots/bot-1/app", "video11 bots/bot-2/app"] },
      },
    ]);
  });
});
