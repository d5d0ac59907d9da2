import { type GuestResult, runCheck } from "../kernel/guest-result.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { ChromiumViewer } from "./chromium-viewer.ts";
import { cleared, stageWith } from "./module-in-vm.ts";
import { scenarios } from "./scenarios.ts";

/** How a scenario went with a version of v4l2loopback. */
export interface ScenarioResult extends GuestResult {
  readonly version: ModuleVersion;
}

/** A page that never answers; no scenario takes half as long, not even on a busy machine. */
const LIMIT_MS = 300_000;

/**
 * The scenarios of Chromium as a program (test/kernel/guest.ts): `chromium VERSION,VERSION… [WORDS]` plays them with
 * each version of v4l2loopback, in one browser, or those with these words in the name. It prints a line of JSON each.
 */
export async function main([versions = "", words = ""]: readonly string[]) {
  let failed = false;
  await using chromium = await ChromiumViewer.start("app");
  for (const version of versions.split(",") as ModuleVersion[]) {
    const stage = stageWith(version);
    for (const { name, run } of scenarios.filter((each) => each.name.includes(words))) {
      await cleared(stage);
      let how: string | undefined;
      const result = await runCheck(name, async () => {
        const late = Bun.sleep(LIMIT_MS).then(() => {
          throw new Error(`not within ${LIMIT_MS / 1000} s`);
        });
        how = await Promise.race([run(stage, chromium), late]);
      });
      failed ||= result.error !== undefined;
      const line: ScenarioResult = { ...result, version, ...(how === undefined ? {} : { how }) };
      console.log(JSON.stringify(line));
    }
    await cleared(stage);
  }
  return failed ? 1 : 0;
}
