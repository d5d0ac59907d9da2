import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "../available-vms.ts";
import { compileGuest } from "../compile.ts";
import { parseGuestResults } from "../guest-result.ts";
import { MODULE_VERSIONS, requestedVersions } from "../provision.ts";
import { bootVm, failures } from "../vm.ts";
import { play, tableOf, VM_TEST_MS } from "./play.ts";

/**
 * What the loopback driver does with each version of the real module, in a virtual machine: one list of
 * scenarios, and at the end a table of how it went. Run with `bun test ./test/kernel/driver/driver.e2e.ts`.
 */
const versions = requestedVersions(MODULE_VERSIONS);
const directory = await availableVms(versions);
const work = mkdtempSync(join(tmpdir(), "driver-scenarios-"));
afterAll(() => rmSync(work, { recursive: true }));

describe.skipIf(directory === undefined)("the loopback driver", () => {
  const binary = join(work, "guest");
  const table = tableOf("driver", versions);
  beforeAll(() => compileGuest(join(import.meta.dir, "guest.ts"), binary));
  afterAll(() => console.log(String(table)));

  test.each(versions)(
    "with v4l2loopback %s plays every scenario",
    async (moduleVersion) => {
      const files = { "/usr/bin/guest": { from: binary } };
      await play("driver", { directory: directory ?? "", moduleVersion, files }, table);
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
        timeoutSeconds: 600,
        script: `
check "the scenarios" sh -c "guest ${moduleVersion} driver 'after reset' >/log/scenarios 2>/log/stderr"
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`,
      });
      const results = parseGuestResults(result.files["scenarios"] ?? "");
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(results.length).toBeGreaterThan(5);
      const handedOut = results.find(({ how }) => how?.endsWith("marks") === true)?.how;
      console.log(
        `v4l2loopback ${moduleVersion}: ${handedOut} of frames that went with their writer`,
      );
      expect(failures(result)).toBe("");
    },
    VM_TEST_MS,
  );
});
