import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtPlugin, compileGuest } from "../kernel/compile.ts";
import { parseGuestResults } from "../kernel/guest-result.ts";
import { MODULE_VERSIONS, OLDEST_AND_NEWEST, requestedVersions } from "../kernel/provision.ts";
import { noComplaint } from "../kernel/suite.ts";
import { failures, runVm, type VmResult } from "../kernel/vm.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { ciSize, onlyInFullRun } from "../support/ci-size.ts";
import type { BuffersResult } from "./buffers-guest.ts";
import { machineWithChromium, mountDebian } from "./debian.ts";
import type { ScenarioResult } from "./guest.ts";
import { bufferCases } from "./max-buffers.ts";
import { scenarios } from "./scenarios.ts";

/**
 * Debian's Chromium on the real v4l2loopback, in a VM with several versions of it. Run `test/chromium/provision.sh` first,
 * then `bun run test:chromium`.
 */
const versions = requestedVersions(ciSize() === "full" ? MODULE_VERSIONS : OLDEST_AND_NEWEST);
const others = MODULE_VERSIONS.filter((version) => !versions.includes(version));
if (others.length > 0) onlyInFullRun(`Chromium on v4l2loopback ${others.join(", ")}`);
const provisioned = provision();
const skip = skipLevel(provisioned.reason, "there is no disk with Chromium");

/** Where the pictures of the newest version's ready camera are after the run; docs/ready-cameras.png is made of them. */
const pictures = join(import.meta.dir, "../../dist");

/** A minute each on an idle machine. */
const scriptSeconds = 600 * (versions.length + 1);

describe.skipIf(skip)("Chromium", () => {
  const work = mkdtempSync(join(tmpdir(), "chromium-tests-"));
  let result: VmResult;
  let results: readonly ScenarioResult[] = [];
  let buffers: readonly BuffersResult[] = [];
  beforeAll(
    async () => {
      const guest = join(work, "guest");
      compileGuest(join(import.meta.dir, "../kernel/guest.ts"), guest);
      const machine = machineWithChromium(dirname(provisioned.directory), versions, {
        "/usr/bin/guest": { from: guest },
        "/usr/bin/video-device-plugin": { from: builtPlugin() },
      });
      const script = `
${mountDebian}
check "the scenarios" sh -c "guest chromium ${versions.join()} >/log/scenarios"
check "the buffers" sh -c "guest buffers ${versions.join()} ${ciSize()} >/log/buffers"
${noComplaint}`;
      const played = { name: "Chromium", timeoutSeconds: scriptSeconds, script };
      const run = await runVm(machine, [played]);
      result = run.resultOf("Chromium");
      results = parseGuestResults(result.files["scenarios"] ?? "") as ScenarioResult[];
      buffers = parseGuestResults(result.files["buffers"] ?? "") as unknown as BuffersResult[];
      for (const [name, text] of Object.entries(result.files)) {
        if (!name.endsWith(".base64")) continue;
        writeFileSync(join(pictures, name.replace(".base64", "")), Buffer.from(text, "base64"));
      }
      for (const { version, name, ms, how = "yes" } of [...results, ...buffers]) {
        console.log(`${version}: ${name}: ${how}, ${(ms / 1000).toFixed(1)} s`);
      }
    },
    (scriptSeconds + 120) * 1000,
  );
  afterAll(() => rmSync(work, { recursive: true }));

  for (const version of MODULE_VERSIONS) {
    describe.skipIf(!versions.includes(version))(`on v4l2loopback ${version}`, () => {
      for (const { name } of scenarios) {
        test(name, () => {
          const played = results.find((each) => each.name === name && each.version === version);
          if (played === undefined) throw new Error(`it was not played\n${failures(result)}`);
          expect(played.error).toBeUndefined();
        });
      }
      for (const { name, works } of bufferCases(version, ciSize())) {
        test(name, () => {
          const played = buffers.find((each) => each.name === name && each.version === version);
          expect([name, played?.how === "ok", played?.how]).toEqual([name, works, played?.how]);
          expect(played).toBeDefined();
        });
      }
    });
  }
  test("the machine has no complaint", () => {
    expect(failures(result)).toBe("");
  });
});

function provision(): { readonly directory: string; readonly reason?: string } {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64") {
    return { directory: "", reason: `needs Linux on x64, not ${platform} on ${arch}` };
  }
  const script = join(import.meta.dir, "provision.sh");
  const { exitCode, stdout, stderr } = Bun.spawnSync([script, "--check"]);
  if (exitCode === 0) return { directory: stdout.toString().trim() };
  return {
    directory: "",
    reason: stderr
      .toString()
      .trim()
      .replace(/^provision: /, ""),
  };
}
