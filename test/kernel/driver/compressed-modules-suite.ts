import { expect, test } from "bun:test";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { noComplaint, type Suite } from "../suite.ts";
import { failures } from "../vm.ts";

/** What `doctor` says on a kernel that has its modules as .ko.xz. By its exit code it misses the kubelet, which is none of this. */
export const compressedModulesSuite: Suite = {
  name: "doctor with compressed modules",
  timeoutSeconds: 120,
  script: `
video-device-plugin doctor --json >/log/doctor-before
modprobe v4l2loopback devices=1 video_nr=10
video-device-plugin doctor --json >/log/doctor-after
${noComplaint}`,
  tests(result) {
    test("doctor knows .ko.xz", () => {
      const vm = result();
      const details = (name: string) => {
        const { checks }: { checks: Check[] } = JSON.parse(vm.files[name] ?? "");
        return Object.fromEntries(checks.map(({ check, detail }) => [check, detail]));
      };
      const before = details("doctor-before");
      expect(before["module_file"]).toMatch(/v4l2loopback\.ko\.xz, its version shows once it is/);
      expect(before["module"]).toBe("not loaded yet");
      expect(details("doctor-after")["module"]).toStartWith("loaded, 0.15.4: ");
      expect(failures(vm)).toBe("");
    });
  },
};
