import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provision, requestedVersions } from "../kernel/provision.ts";
import { bootVm, failures } from "../kernel/vm.ts";
import { driverContract } from "./driver-contract.ts";
import type { GuestResult } from "./driver-contract-guest.ts";

/**
 * The loopback driver held to the drivers' contract on the real module, in a virtual machine: what holds
 * on the fake kernel must hold here. Run with `bun test ./test/contract/driver-contract.e2e.ts`.
 */
const versions = requestedVersions();
const vms = await provision(versions);
if (!vms.available) console.warn(`skipped: ${vms.reason}`);
const directory = vms.available ? vms.directory : "";
const work = mkdtempSync(join(tmpdir(), "driver-contract-"));
afterAll(() => rmSync(work, { recursive: true }));

/** A minute on an idle machine. */
const VM_TEST_MS = 300_000;

describe.skipIf(!vms.available)("the loopback driver on a real kernel", () => {
  const rows = versions.flatMap((version) =>
    // More than 8 need the control device, which 0.12 hasn't got.
    (version === "0.12.7" ? [3] : [3, 11]).map((devices) => [version, devices] as const),
  );
  test.each(rows)(
    "v4l2loopback %s with %d devices keeps the drivers' contract",
    async (moduleVersion, devices) => {
      const binary = join(work, "guest");
      const source = join(import.meta.dir, "driver-contract-guest.ts");
      const build = Bun.spawnSync([
        ...[process.execPath, "build", "--compile", "--production"],
        ...[source, "--outfile", binary],
      ]);
      expect(build.exitCode).toBe(0);
      const result = await bootVm({
        directory,
        moduleVersion,
        files: { "/usr/bin/guest": { from: binary } },
        timeoutSeconds: 180,
        script: `check "the contract" sh -c "guest ${devices} >/log/contract"`,
      });
      const lines = (result.files["contract"] ?? "").trim().split("\n");
      const results = lines.map((line) => JSON.parse(line) as GuestResult);
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(results.map(({ name }) => name)).toEqual(driverContract.map(({ name }) => name));
      expect(failures(result)).toBe("");
      const ms = results.reduce((sum, check) => sum + check.ms, 0);
      console.log(`v4l2loopback ${moduleVersion}, ${devices} devices: checks took ${ms} ms`);
    },
    VM_TEST_MS,
  );
});
