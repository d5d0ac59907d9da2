import { runCheck } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { type ListName, lists } from "./scenarios.ts";
import { makeDriver, Stage } from "./stage.ts";

/**
 * The loopback driver's scenarios as a program (../guest.ts). `driver VERSION LIST` plays a list of them, a line of
 * JSON each, `driver VERSION LIST WORDS` those with these words in the name; `driver VERSION ensure` and
 * `driver VERSION resets` do that one thing, to be killed at it.
 */
export async function main([version = "", work = "driver", only]: readonly string[]) {
  if (work === "ensure" || work === "resets") {
    const driver = makeDriver();
    await driver.ensure();
    for (let round = 0; work === "resets"; round++) await driver.reset(`video${10 + (round % 3)}`);
    return 0;
  }
  let failed = false;
  const stage = new Stage(version as ModuleVersion);
  for (const { name, run } of lists[work as ListName]) {
    if (only !== undefined && !name.includes(only)) continue;
    stage.clear();
    const result = await runCheck(name, () => run(stage));
    failed ||= result.error !== undefined;
    console.log(JSON.stringify(result));
  }
  return failed ? 1 : 0;
}
