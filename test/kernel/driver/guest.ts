/**
 * The loopback driver's scenarios as a program: compiled by `driver.e2e.ts`, run as root in a virtual
 * machine. `guest VERSION LIST` plays a list of them, a line of JSON each, `guest VERSION LIST WORDS` those
 * with these words in the name; `guest VERSION ensure` and `guest VERSION resets` do that one thing, to be
 * killed at it.
 */
import { parseArgs } from "node:util";
import { runCheck } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { type ListName, lists } from "./scenarios.ts";
import { makeDriver, Stage } from "./stage.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const [version = "", work = "driver", only] = positionals;

if (work === "ensure" || work === "resets") {
  const driver = makeDriver();
  await driver.ensure();
  for (let round = 0; work === "resets"; round++) await driver.reset(`video${10 + (round % 3)}`);
  process.exit(0);
}

let failed = false;
const stage = new Stage(version as ModuleVersion);
for (const { name, run } of lists[work as ListName]) {
  if (only !== undefined && !name.includes(only)) continue;
  let how: string | undefined;
  stage.clear();
  const result = await runCheck(name, async () => {
    how = await run(stage);
  });
  failed ||= result.error !== undefined;
  console.log(JSON.stringify(how === undefined ? result : { ...result, how }));
}
process.exit(failed ? 1 : 0);
