import { afterAll, beforeAll, describe, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "../available-vms.ts";
import { compileGuest } from "../compile.ts";
import { filesUnder } from "../cpio.ts";
import { MODULE_VERSIONS, requestedVersions } from "../provision.ts";
import { play, tableOf, VM_TEST_MS } from "./play.ts";

/**
 * Debian's ffmpeg, v4l2-ctl and v4l2-compliance as the tenants of devices that the loopback driver creates,
 * repairs and resets, with each version of the real module: one list of scenarios, and at the end a table of
 * how it went. Run with `bun test ./test/kernel/driver/programs.e2e.ts`.
 */
const versions = requestedVersions(MODULE_VERSIONS);
const directory = await availableVms(versions);
const work = mkdtempSync(join(tmpdir(), "program-scenarios-"));
afterAll(() => rmSync(work, { recursive: true }));

describe.skipIf(directory === undefined)("the loopback driver, with Debian's programs", () => {
  const binary = join(work, "guest");
  const table = tableOf("programs", versions);
  beforeAll(() => compileGuest(join(import.meta.dir, "guest.ts"), binary));
  afterAll(() => console.log(String(table)));

  test.each(versions)(
    "with v4l2loopback %s plays every scenario",
    async (moduleVersion) => {
      const programs = filesUnder(join(directory ?? "", "programs"), "/");
      const files = { "/usr/bin/guest": { from: binary }, ...Object.fromEntries(programs) };
      await play("programs", { directory: directory ?? "", moduleVersion, files }, table);
    },
    VM_TEST_MS,
  );
});
