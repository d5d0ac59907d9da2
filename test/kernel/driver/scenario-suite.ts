import { expect, test } from "bun:test";
import { parseGuestResults } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { ResultsTable } from "../results-table.ts";
import { noComplaint, type Suite, suiteSeconds } from "../suite.ts";
import { failures } from "../vm.ts";
import { type ListName, lists } from "./scenarios.ts";

/** For how a list of scenarios goes with each version. */
export function tableOf(list: ListName, versions: readonly ModuleVersion[]): ResultsTable {
  return new ResultsTable(
    lists[list].map(({ name }) => name),
    versions,
  );
}

/** What the loopback driver does with a version of the real module: one list of scenarios for all versions. */
export function scenarioSuite(
  list: ListName,
  moduleVersion: ModuleVersion,
  table: ResultsTable,
): Suite {
  return {
    name: `${list} scenarios`,
    needsPrograms: list === "programs" || list === "using",
    timeoutSeconds: suiteSeconds,
    script: `
check "the scenarios" sh -c "guest driver ${moduleVersion} ${list} >/log/scenarios 2>/log/stderr"
${noComplaint}`,
    tests(result) {
      test("every scenario is played, and as it should be", () => {
        const vm = result();
        const results = parseGuestResults(vm.files["scenarios"] ?? "");
        for (const { name, error, how } of results) {
          table.add(moduleVersion, name, error === undefined ? (how ?? "yes") : "**no**");
        }
        expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
        expect(vm.files["stderr"] ?? "").toBe("");
        expect(failures(vm)).toBe("");
        expect(results.map(({ name }) => name)).toEqual(lists[list].map(({ name }) => name));
      });
    },
  };
}

/** For a machine whose kernel does not clear memory before it hands it out. */
export function uncleanMemorySuite(moduleVersion: ModuleVersion): Suite {
  return {
    name: "resets on a kernel that does not clear memory",
    timeoutSeconds: suiteSeconds,
    script: `
check "the scenarios" sh -c "guest driver ${moduleVersion} driver 'after reset' >/log/scenarios 2>/log/stderr"
check "those of ready cameras" sh -c "guest driver ${moduleVersion} ready 'after a reset' >>/log/scenarios 2>>/log/stderr"
${noComplaint}`,
    tests(result) {
      test("devices are as new after a reset", () => {
        const vm = result();
        const results = parseGuestResults(vm.files["scenarios"] ?? "");
        expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
        expect(results.length).toBeGreaterThan(5);
        const handedOut = results.find(({ how }) => how?.endsWith("marks") === true)?.how;
        console.log(
          `v4l2loopback ${moduleVersion}: ${handedOut} of frames that went with their writer`,
        );
        expect(failures(vm)).toBe("");
      });
    },
  };
}
