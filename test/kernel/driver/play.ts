import { expect } from "bun:test";
import { parseGuestResults } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { ResultsTable } from "../results-table.ts";
import { bootVm, failures, type VmRequest, type VmResult } from "../vm.ts";
import { type ListName, lists } from "./scenarios.ts";

/** Seconds; a minute on an idle machine. */
const VM_SECONDS = 600;
/** For the test that plays a list. */
export const VM_TEST_MS = (VM_SECONDS + 120) * 1000;

/** For how a list of scenarios goes with each version. */
export function tableOf(list: ListName, versions: readonly ModuleVersion[]): ResultsTable {
  return new ResultsTable(
    lists[list].map(({ name }) => name),
    versions,
  );
}

/**
 * Plays a list of scenarios in a VM, and then runs what else is in `script`. A failed expectation if a scenario
 * failed, or wasn't played.
 */
export async function play(
  list: ListName,
  vm: Pick<VmRequest, "directory" | "files"> & { moduleVersion: ModuleVersion; script?: string },
  table: ResultsTable,
): Promise<VmResult> {
  const { moduleVersion } = vm;
  const result = await bootVm({
    ...vm,
    timeoutSeconds: VM_SECONDS,
    script: `
check "the scenarios" sh -c "guest ${moduleVersion} ${list} >/log/scenarios 2>/log/stderr"
${vm.script ?? ""}
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`,
  });
  const seconds = result.totalSeconds.toFixed(1);
  console.log(`v4l2loopback ${moduleVersion}, ${list} scenarios: all in ${seconds} s`);
  const results = parseGuestResults(result.files["scenarios"] ?? "");
  for (const { name, error, how } of results) {
    table.add(moduleVersion, name, error === undefined ? (how ?? "yes") : "**no**");
  }
  expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(result.files["stderr"] ?? "").toBe("");
  expect(failures(result)).toBe("");
  expect(results.map(({ name }) => name)).toEqual(lists[list].map(({ name }) => name));
  return result;
}
