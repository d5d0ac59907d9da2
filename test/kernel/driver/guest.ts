/**
 * The loopback driver's scenarios as a program: compiled by `driver.e2e.ts`, run as root in a virtual
 * machine. `guest VERSION` plays them all, a line of JSON each; `guest VERSION ensure` and
 * `guest VERSION resets` do that one thing, to be killed at it; `guest VERSION play WORDS` plays those with these
 * words in their name.
 */
import { parseArgs } from "node:util";
import { runCheck } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { scenarios } from "./scenarios.ts";
import { makeDriver, Stage } from "./stage.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const [version = "", work, only] = positionals;

if (work === "ensure" || work === "resets") {
  const driver = makeDriver();
  await driver.ensure();
  for (let round = 0; work === "resets"; round++) await driver.reset(`video${10 + (round % 3)}`);
  process.exit(0);
}

let failed = false;
const stage = new Stage(version as ModuleVersion);
for (const { name, run } of scenarios) {
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
