import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "./available-vms.ts";
import { compileGuest } from "./compile.ts";
import { failures, runVm, type VmRun } from "./vm.ts";

/**
 * The harness held to itself, with nothing of the plugin in it: a compiled binary runs, scripts that share a machine
 * find nothing of each other, and a VM or a script that fails says so. Run with
 * `bun test ./test/kernel/harness.e2e.ts`.
 */
const available = await availableVms([]);
const directory = available ?? "";

/** An idle machine takes 6 s a VM. */
const VM_TEST_MS = 240_000;

/** What scripts leave behind. Of v4l2loopback the machine has none; vivid makes devices, too. */
const leaves = `
modprobe vivid n_devs=1 node_types=0x1 vid_cap_nr=12
v4l2-tool hold /dev/video12 1000 >/log/holder &
check "a device is held open" wait_for 10 grep holding /log/holder
(trap "" TERM HUP INT; sleep 1000) &
mknod /dev/video99 c 1 3
mkdir -p /run/a/b /var/lib/kubelet
mount -t tmpfs none /run/a/b
mount --bind /dev /run/a/b
mount -o remount,ro /sys
echo a >/tmp/a
echo "BUG: made up" >/dev/kmsg
rm /sbin/modprobe /bin/modprobe /bin/insmod
`;

const finds = `
value files "$(find /tmp /run /var /log -mindepth 1 2>/dev/null | grep -v '^/run/report.lock$')"
value devices "$(ls /dev | grep video)"
value modules "$(cat /proc/modules)"
value messages "$(dmesg)"
value processes "$(ps -o args | grep -E 'hold|sleep' | grep -v grep)"
check "/sys can be written" sh -c 'mount | grep "on /sys .*rw"'
check "modules can be loaded" modprobe vivid
`;

describe.skipIf(available === undefined)("the VM harness", () => {
  const work = mkdtempSync(join(tmpdir(), "vm-harness-"));
  afterAll(() => rmSync(work, { recursive: true }));

  describe("scripts on one machine", () => {
    let run: VmRun;
    beforeAll(async () => {
      const guest = join(work, "guest");
      compileGuest(join(import.meta.dir, "guest.ts"), guest);
      const files = { "/usr/bin/guest": { from: guest } };
      run = await runVm({ directory, moduleVersion: "none", files }, [
        { name: "hello", timeoutSeconds: 60, script: "guest hello >/log/hello" },
        { name: "leaves", timeoutSeconds: 60, script: leaves },
        { name: "finds", timeoutSeconds: 60, script: finds },
        {
          name: "overruns",
          timeoutSeconds: 2,
          script: "echo before >/log/progress; sleep 1000; echo after >/log/progress",
        },
        { name: "fails", timeoutSeconds: 60, script: 'check "it works" false; exit 3' },
      ]);
    }, VM_TEST_MS);

    test("a binary compiled by Bun runs and calls libc", () => {
      const result = run.resultOf("hello");
      expect(failures(result)).toBe("");
      console.log(
        `up after ${run.bootSeconds} s, compiled binary: ${result.seconds.toFixed(2)} s, all in ${run.totalSeconds.toFixed(1)} s`,
      );
      expect(JSON.parse(result.files["hello"] ?? "")).toEqual({
        samePid: true,
        code: 0,
        nodename: "vm-node",
      });
    });

    test("a script finds nothing of the one before it", () => {
      expect(failures(run.resultOf("leaves"))).toBe("");
      const result = run.resultOf("finds");
      expect(failures(result)).toBe("");
      expect(result.values).toEqual({
        ...{ files: "", devices: "", modules: "", messages: "", processes: "" },
      });
      expect(Object.keys(result.files)).toEqual(["dmesg"]);
    });

    test("a script that overruns is cut off, and its logs come out", () => {
      const result = run.resultOf("overruns");
      expect(result.timedOut).toBe(true);
      expect(result.files["progress"]).toBe("before\n");
      expect(failures(result)).toContain("time limit");
    });

    test("the script after that is played, and its failures are its own", () => {
      const result = run.resultOf("fails");
      expect(failures(result)).toContain("FAILED it works");
      expect(failures(result)).toContain("exit code 3");
      expect(run.crash).toBe("");
    });
  });

  test(
    "a kernel panic is reported with the console's end, and what was before it still counts",
    async () => {
      const run = await runVm({ directory, moduleVersion: "none" }, [
        { name: "before", timeoutSeconds: 20, script: 'check "it works" true' },
        { name: "panic", timeoutSeconds: 20, script: "echo c >/proc/sysrq-trigger" },
        { name: "after", timeoutSeconds: 20, script: 'check "it works" true' },
      ]);
      expect(failures(run.resultOf("before"))).toBe("");
      for (const name of ["panic", "after"]) {
        expect(() => run.resultOf(name)).toThrow(/ended early[\s\S]*Kernel panic/);
      }
      expect(run.crash).toMatch(/ended early[\s\S]*Kernel panic/);
    },
    VM_TEST_MS,
  );
});
