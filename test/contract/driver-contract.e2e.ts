import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "../kernel/available-vms.ts";
import { compileGuest } from "../kernel/compile.ts";
import { parseGuestResults } from "../kernel/guest-result.ts";
import { requestedVersions } from "../kernel/provision.ts";
import { bootVm, failures } from "../kernel/vm.ts";
import { driverContract } from "./driver-contract.ts";

/**
 * The loopback driver held to the drivers' contract on the real module, in a virtual machine: what holds
 * on the fake kernel must hold here. Run with `bun test ./test/contract/driver-contract.e2e.ts`.
 */
const versions = requestedVersions();
const available = await availableVms(versions);
const directory = available ?? "";
const work = mkdtempSync(join(tmpdir(), "driver-contract-"));
afterAll(() => rmSync(work, { recursive: true }));

/** A minute on an idle machine. */
const VM_TEST_MS = 300_000;

describe.skipIf(available === undefined)("the loopback driver on a real kernel", () => {
  const binary = join(work, "guest");
  beforeAll(() => compileGuest(join(import.meta.dir, "driver-contract-guest.ts"), binary));

  const rows = versions.flatMap((version) =>
    // More than 8 need the control device, which 0.12 hasn't got.
    (version === "0.12.7" ? [3] : [3, 11]).map((devices) => [version, devices] as const),
  );
  test.each(rows)(
    "v4l2loopback %s with %d devices keeps the drivers' contract",
    async (moduleVersion, devices) => {
      const result = await bootVm({
        directory,
        moduleVersion,
        files: { "/usr/bin/guest": { from: binary } },
        timeoutSeconds: 180,
        script: `check "the contract" sh -c "guest ${devices} >/log/contract"`,
      });
      const results = parseGuestResults(result.files["contract"] ?? "");
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(results.map(({ name }) => name)).toEqual(driverContract.map(({ name }) => name));
      expect(failures(result)).toBe("");
      const ms = results.reduce((sum, check) => sum + check.ms, 0);
      console.log(`v4l2loopback ${moduleVersion}, ${devices} devices: checks took ${ms} ms`);
    },
    VM_TEST_MS,
  );
});
