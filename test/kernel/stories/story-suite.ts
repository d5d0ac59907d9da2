import { expect, test } from "bun:test";
import { parseGuestResults } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import type { ResultsTable } from "../results-table.ts";
import { noComplaint, type Suite, suiteSeconds } from "../suite.ts";
import { failures, type VmResult } from "../vm.ts";
import type { NamedStory } from "./stories.ts";

/** A story of the compiled plugin as the node's only program that knows v4l2loopback, with a kubelet beside it. */
export function storySuite(
  { name: story, checks, needsCodecs = false, timeoutSeconds = suiteSeconds }: NamedStory,
  moduleVersion: ModuleVersion | "none",
  table: ResultsTable,
): Suite {
  return {
    name: `story: ${story}`,
    timeoutSeconds,
    needsCodecs,
    script: `
guest story ${moduleVersion} ${story} >/log/story 2>/log/story-stderr
check "the story ends well" [ $? = 0 ]
check "nothing is written to stderr" sh -c '! cat /log/*-stderr | grep .'
${noComplaint}`,
    tests(result) {
      for (const { name } of checks) {
        test(name, () => {
          const one = parseGuestResults(result().files["story"] ?? "").find(
            (candidate) => candidate.name === name,
          );
          if (one === undefined) throw new Error("the story did not get that far");
          if (moduleVersion !== "none") {
            table.add(moduleVersion, name, one.error === undefined ? (one.how ?? "yes") : "**no**");
          }
          if (one.error !== undefined) throw new Error(one.error);
        });
      }

      test("nothing is written to stderr, and the kernel has no complaint", () => {
        expect(endingOf(result())).toBe("");
      });
    },
  };
}

/** All failures, with the ends of the plugin's logs. "" if there are none. */
function endingOf(result: VmResult): string {
  const failed = failures(result);
  if (failed === "") return "";
  const logs = Object.entries(result.files).filter(([name]) => name.startsWith("plugin"));
  const tails = logs.map(([name, text]) => `--- ${name} ---\n${text.slice(-4000)}`);
  return [failed, ...tails].join("\n");
}
