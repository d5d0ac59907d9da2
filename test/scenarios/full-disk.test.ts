import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminClient, explanationOf, failureOf, statusOf } from "../support/admin-client.ts";
import { mountSmallDisk, skipSmallDisk, unmount } from "../support/small-disk.ts";
import { Scenario } from "./harness.ts";

/** Size of the disk in kB; tmpfs counts in pages of 4 kB. */
const diskKilobytes = 16;

describe.skipIf(skipSmallDisk())("a full disk", () => {
  let scenario: Scenario;
  let filler: string;
  beforeEach(() => {
    scenario = new Scenario();
    expect(mountSmallDisk(scenario.stateDir, diskKilobytes)).toBeUndefined();
    filler = join(scenario.stateDir, "filler");
  });
  afterEach(() => {
    unmount(scenario.stateDir);
    return scenario.close();
  });

  /** Fills the disk. */
  function fill(): void {
    for (;;) {
      try {
        writeFileSync(filler, "x".repeat(4096), { flag: "a" });
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
        return;
      }
    }
  }

  test("makes a further cordon fail, keeps the stored ones, and stores both when there is room", async () => {
    const { stop } = await scenario.registered();
    const client = adminClient(scenario.adminSocket);
    await client.cordonDevice({ deviceId: "video10", note: "the first" });
    const file = join(scenario.stateDir, "cordoned.json");
    const kept = readFileSync(file, "utf8");
    fill();
    const refused = await explanationOf(client.cordonDevice({ deviceId: "video11", note: "late" }));
    expect(refused.message).toContain("ENOSPC");
    expect(refused.remedy).toContain("Make room");
    expect(await failureOf(client.uncordonDevice({ deviceId: "video10" }))).toBe(
      "FailedPrecondition cordon_not_kept",
    );
    expect(readFileSync(file, "utf8")).toBe(kept);
    const cordoned = async () =>
      (await statusOf(client)).devices.filter(({ cordon }) => cordon).map(({ id }) => id);
    expect(await cordoned()).toEqual(["video10"]);
    await scenario.counts(8, 7);

    rmSync(filler);
    await client.cordonDevice({ deviceId: "video11", note: "late" });
    await stop();
    scenario.startPlugin();
    await scenario.counts(8, 6);
    expect(await cordoned()).toEqual(["video10", "video11"]);
  });
});
