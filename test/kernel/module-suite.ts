import { expect, test } from "bun:test";
import type { ModuleVersion } from "./provision.ts";
import { parseQuery, roleOf } from "./query.ts";
import type { Suite } from "./suite.ts";
import { failures } from "./vm.ts";

const script = `
check "a slow machine is no complaint of the kernel's" grep -x 0 /proc/sys/kernel/hung_task_timeout_secs
modules=/lib/modules/$(uname -r)
insmod $modules/kernel/drivers/media/mc/mc.ko
insmod $modules/kernel/drivers/media/v4l2-core/videodev.ko
check "v4l2loopback loads" insmod $modules/updates/dkms/v4l2loopback.ko devices=8 \\
  video_nr=10,11,12,13,14,15,16,17 exclusive_caps=1,1,1,1,1,1,1,1 \\
  'card_label="front door,b,c,d,e,f,g,h"'
value idle "$(v4l2-tool query --try-format)"
value control "$(ls /dev/v4l2loopback 2>/dev/null)"

v4l2-tool write-frames /dev/video11 150 >/log/writer 2>&1 &
writer=$!
wait_for 10 grep writing /log/writer
check "a reader gets the writer's frames" wait_for 10 v4l2-tool read-frames /dev/video11 1
value streaming "$(v4l2-tool query /dev/video11)"
check "the writer wrote all frames" wait $writer

v4l2-tool write-frames --write-only /dev/video12 3
value afterWriteOnly "$(v4l2-tool query /dev/video12; v4l2-tool query --try-format /dev/video12)"

v4l2-tool hold /dev/video13 30 >/log/holder &
holder=$!
check "a holder holds" wait_for 10 grep holding /log/holder
rmmod v4l2loopback && fail "an open device pins the module" || pass "an open device pins the module"
kill $holder
wait $holder
check "the module unloads" rmmod v4l2loopback
value removed "$(ls /dev | grep video)"
`;

/** The real module behaves as the plugin's driver assumes: nothing of the plugin is in this. */
export function moduleSuite(moduleVersion: ModuleVersion): Suite {
  return {
    name: "the module alone",
    timeoutSeconds: 60,
    script,
    tests(played) {
      test("v4l2loopback makes, pins and removes its devices", () => {
        const result = played();
        expect(failures(result)).toBe("");
        const { idle = "", control, streaming = "", afterWriteOnly = "", removed } = result.values;
        const devices = parseQuery(idle);
        expect(devices.map((device) => [device.device, device.card])).toEqual(
          ["front door", ..."bcdefgh"].map((label, index) => [`/dev/video${10 + index}`, label]),
        );
        expect(devices.map((device) => device.driver)).toEqual(Array(8).fill("v4l2 loopback"));
        expect(devices.map(roleOf)).toEqual(Array(8).fill("output"));
        expect(devices.map((device) => device.s_fmt_output)).toEqual(Array(8).fill("0"));
        expect(parseQuery(streaming).map(roleOf)).toEqual(["capture"]);
        expect(removed).toBe("");
        const old = moduleVersion === "0.12.7";
        expect(control).toBe(old ? "" : "/dev/v4l2loopback");
        // 0.12's defect that a health check has to know of: QUERYCAP after a writer that never said STREAMON.
        expect(parseQuery(afterWriteOnly).map(roleOf)).toEqual(
          Array(2).fill(old ? "neither" : "output"),
        );
        expect(parseQuery(afterWriteOnly)[1]?.s_fmt_output).toBe(old ? "EINVAL" : "0");
      });
    },
  };
}
