import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { availableVms } from "../available-vms.ts";
import { builtPlugin, compileGuest } from "../compile.ts";
import { NEWER_KERNEL } from "../provision.ts";
import { play, tableOf, VM_TEST_MS } from "./play.ts";

/**
 * The loopback driver's scenarios on a newer kernel, which has its modules as .ko.xz and decompresses them
 * itself; then what `doctor` says of such a module. Run with `bun test ./test/kernel/driver/newer-kernel.e2e.ts`.
 */
const directory = await availableVms([NEWER_KERNEL]);
const work = mkdtempSync(join(tmpdir(), "newer-kernel-"));
afterAll(() => rmSync(work, { recursive: true }));

/** By its exit code it misses the kubelet, which is none of this. */
const SCRIPT = `
rmmod v4l2loopback
video-device-plugin doctor --json >/log/doctor-before
modprobe v4l2loopback devices=1 video_nr=10
video-device-plugin doctor --json >/log/doctor-after
`;

describe.skipIf(directory === undefined)("the loopback driver, on a newer kernel", () => {
  const binary = join(work, "guest");
  const table = tableOf("driver", [NEWER_KERNEL]);
  beforeAll(() => compileGuest(join(import.meta.dir, "guest.ts"), binary));
  afterAll(() => console.log(String(table)));

  test(
    `with v4l2loopback ${NEWER_KERNEL} plays every scenario, and doctor knows .ko.xz`,
    async () => {
      const files = {
        "/usr/bin/guest": { from: binary },
        "/usr/bin/video-device-plugin": { from: builtPlugin() },
      };
      const vm = { directory: directory ?? "", moduleVersion: NEWER_KERNEL, files, script: SCRIPT };
      const result = await play("driver", vm, table);
      const details = (name: string) => {
        const { checks }: { checks: Check[] } = JSON.parse(result.files[name] ?? "");
        return Object.fromEntries(checks.map(({ check, detail }) => [check, detail]));
      };
      const before = details("doctor-before");
      expect(before["module_file"]).toMatch(/v4l2loopback\.ko\.xz, its version shows once it is/);
      expect(before["module"]).toBe("not loaded yet");
      expect(details("doctor-after")["module"]).toStartWith("loaded, 0.15.4: ");
    },
    VM_TEST_MS,
  );
});
