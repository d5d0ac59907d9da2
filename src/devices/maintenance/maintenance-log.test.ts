import { expect, test } from "bun:test";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { UsageFacts } from "../usage/usage.ts";
import { MaintenanceLog } from "./maintenance-log.ts";
import type { MaintenanceFacts } from "./maintenance-plan.ts";

const facts: MaintenanceFacts = {
  id: "video10",
  reason: "ok",
  fix: "none",
  cleaning: "reset",
  cleanliness: "dirty",
  notBefore: 0,
  use: "unknown",
};
const known: UsageFacts = {
  listed: false,
  absentSince: 1,
  allocatedAt: undefined,
  listedSince: false,
  refused: false,
  open: undefined,
};

test("a decision is logged with its inputs when it or they change, not each time", () => {
  const log = recordingLogger();
  const events = new MaintenanceLog(log);
  for (let n = 0; n < 10; n++) events.decided(facts, { ...known, absentSince: n }, undefined);
  events.decided({ ...facts, use: "free" }, known, "reset");
  events.decided({ ...facts, id: "video11" }, known, undefined);
  expect(
    log.lines.map(({ level, fields }) => [level, fields["device_id"], fields["action"]]),
  ).toEqual([
    ["debug", "video10", "none"],
    ["debug", "video10", "reset"],
    ["debug", "video11", "none"],
  ]);
});
