import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "./available-vms.ts";
import { compileGuest } from "./compile.ts";
import { requestedVersions } from "./provision.ts";
import { parseQuery, roleOf } from "./query.ts";
import { bootVm, failures } from "./vm.ts";

/**
 * The harness held to itself, with nothing of the plugin in it: real modules behave as the plugin's
 * driver assumes, a compiled binary runs, and a VM that goes wrong says so.
 * Run with `bun test ./test/kernel/harness.e2e.ts`.
 */
const versions = requestedVersions();
const available = await availableVms(versions);
const directory = available ?? "";
const work = mkdtempSync(join(tmpdir(), "vm-hello-"));
afterAll(() => rmSync(work, { recursive: true }));

/** An idle machine takes 6 s a VM. */
const VM_TEST_MS = 180_000;

const MODULES = `
modules=/lib/modules/$(uname -r)
insmod $modules/kernel/drivers/media/mc/mc.ko
insmod $modules/kernel/drivers/media/v4l2-core/videodev.ko
check "v4l2loopback loads" insmod $modules/updates/dkms/v4l2loopback.ko devices=8 \
  video_nr=10,11,12,13,14,15,16,17 exclusive_caps=1,1,1,1,1,1,1,1 \
  'card_label="front door,b,c,d,e,f,g,h"'
`;

describe.skipIf(available === undefined)("the VM harness", () => {
  test.each(versions)(
    "v4l2loopback %s makes, pins and removes its devices",
    async (moduleVersion) => {
      const result = await bootVm({
        directory,
        moduleVersion,
        timeoutSeconds: 60,
        script: `
check "a slow machine is no complaint of the kernel's" grep -x 0 /proc/sys/kernel/hung_task_timeout_secs
${MODULES}
value idle "$(v4l2-tool query --try-format)"
value control "$(ls /dev/v4l2loopback 2>/dev/null)"

v4l2-tool write-frames /dev/video11 45 >/log/writer 2>&1 &
writer=$!
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
`,
      });

      expect(failures(result)).toBe("");
      console.log(
        `v4l2loopback ${moduleVersion}: kernel up in ${result.bootSeconds} s, all in ${result.totalSeconds.toFixed(1)} s`,
      );
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
    },
    VM_TEST_MS,
  );

  test(
    "a binary compiled by Bun runs and calls libc",
    async () => {
      const binary = join(work, "hello");
      compileGuest(join(import.meta.dir, "hello.ts"), binary);
      const result = await bootVm({
        directory,
        moduleVersion: "none",
        files: { "/usr/bin/hello": { from: binary } },
        timeoutSeconds: 60,
        script: `
started=$(cut -d' ' -f1 /proc/uptime)
hello >/log/hello
value seconds "$started $(cut -d' ' -f1 /proc/uptime)"
`,
      });
      expect(failures(result)).toBe("");
      const [from = 0, to = 0] = (result.values["seconds"] ?? "").split(" ").map(Number);
      console.log(
        `compiled binary: ran ${(to - from).toFixed(2)} s, all in ${result.totalSeconds.toFixed(1)} s`,
      );
      expect(JSON.parse(result.files["hello"] ?? "")).toEqual({
        samePid: true,
        code: 0,
        nodename: "vm-node",
      });
    },
    VM_TEST_MS,
  );

  test(
    "a script that overruns is cut off, and its logs come out",
    async () => {
      const result = await bootVm({
        directory,
        moduleVersion: "none",
        timeoutSeconds: 2,
        script: "echo before >/log/progress; sleep 1000; echo after >/log/progress",
      });
      expect(result.timedOut).toBe(true);
      expect(result.files["progress"]).toBe("before\n");
      expect(failures(result)).toContain("time limit");
    },
    VM_TEST_MS,
  );

  test(
    "a kernel panic is reported with the console's end",
    async () => {
      const crash = bootVm({
        directory,
        moduleVersion: "none",
        timeoutSeconds: 20,
        script: "echo c >/proc/sysrq-trigger",
      });
      await expect(crash).rejects.toThrow(/ended early[\s\S]*Kernel panic/);
    },
    VM_TEST_MS,
  );
});
