import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "../available-vms.ts";
import { compileGuest } from "../compile.ts";
import { parseGuestResults } from "../guest-result.ts";
import { requestedVersions } from "../provision.ts";
import { bootVm, failures } from "../vm.ts";
import { scenarios } from "./scenarios.ts";

/**
 * What the loopback driver does with each version of the real module, in a virtual machine: one list of
 * scenarios, and at the end a table of how it went. Run with `bun test ./test/kernel/driver/driver.e2e.ts`;
 * all four versions with VDP_MODULE_VERSIONS=0.12.7,0.13.2,0.15.0,0.15.4.
 */
const versions = requestedVersions();
const directory = await availableVms(versions);
const work = mkdtempSync(join(tmpdir(), "driver-scenarios-"));
afterAll(() => rmSync(work, { recursive: true }));

/** A minute on an idle machine. */
const VM_SECONDS = 400;
const VM_TEST_MS = (VM_SECONDS + 120) * 1000;

describe.skipIf(directory === undefined)("the loopback driver", () => {
  const binary = join(work, "guest");
  const table = new Map(scenarios.map(({ name }) => [name, new Map<string, string>()]));
  beforeAll(() => compileGuest(join(import.meta.dir, "guest.ts"), binary));
  afterAll(() => {
    const rows = [...table].map(
      ([name, cells]) =>
        `| ${[name, ...versions.map((version) => cells.get(version) ?? "")].join(" | ")} |`,
    );
    const head = `| scenario | ${versions.join(" | ")} |\n|---|${versions.map(() => "---|").join("")}`;
    console.log([head, ...rows].join("\n"));
  });

  test.each(versions)(
    "with v4l2loopback %s plays every scenario",
    async (moduleVersion) => {
      const result = await bootVm({
        directory: directory ?? "",
        moduleVersion,
        files: { "/usr/bin/guest": { from: binary } },
        timeoutSeconds: VM_SECONDS,
        script: `
check "the scenarios" sh -c "guest ${moduleVersion} >/log/scenarios 2>/log/stderr"
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`,
      });
      const results = parseGuestResults(result.files["scenarios"] ?? "");
      for (const { name, error, how } of results) {
        table.get(name)?.set(moduleVersion, error === undefined ? (how ?? "yes") : "**no**");
      }
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(failures(result)).toBe("");
      expect(results.map(({ name }) => name)).toEqual(scenarios.map(({ name }) => name));
    },
    VM_TEST_MS,
  );

  test.each(versions)(
    "with v4l2loopback %s cleans devices of a kernel that does not clear memory",
    async (moduleVersion) => {
      const result = await bootVm({
        directory: directory ?? "",
        moduleVersion,
        kernelArguments: "init_on_alloc=0",
        files: { "/usr/bin/guest": { from: binary } },
        timeoutSeconds: VM_SECONDS,
        script: `
check "the scenarios" sh -c "guest ${moduleVersion} play 'after reset' >/log/scenarios 2>/log/stderr"
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`,
      });
      const results = parseGuestResults(result.files["scenarios"] ?? "");
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(results.length).toBeGreaterThan(2);
      expect(failures(result)).toBe("");
    },
    VM_TEST_MS,
  );
});
