import { expect, test } from "bun:test";
import { decode } from "fast-png";
import type { ListedDevice } from "../../src/cli/devices/list-devices.ts";
import type { Check } from "../../src/cli/doctor/check.ts";
import { drawColourBars } from "../../src/frames/colour-bars.ts";
import { colourAt, type Picture } from "../../src/frames/picture.ts";
import type { ModuleVersion } from "./provision.ts";
import { parseQuery, roleOf } from "./query.ts";
import { noComplaint, type Suite, suiteSeconds } from "./suite.ts";
import { failures, type VmResult } from "./vm.ts";

/** BT.601 luma of the bars of a 75 % test card, white to black; each pixel of a frame has one. */
const BAR_LUMA = [180, 162, 131, 112, 84, 65, 35, 16];

const SCRIPT = `
plugin=video-device-plugin
# run NAME COMMAND...: hands over the output, and the exit code as its last line.
run() {
  local name=$1 code=0
  shift
  "$@" >"/log/$name" 2>&1 || code=$?
  echo "exit $code" >>"/log/$name"
}
# has_written BYTES: of frames, as its log is short (wchar of proc_pid_io(5)). A reader or writer that comes before the first
# frame may keep the writer from beginning, or be taken for the first one itself.
has_written() { [ "$(sed -n 's/^wchar: //p' /proc/$writer/io)" -ge "$1" ]; }
three_frames() { wait_for 60 has_written $((3 * $1)); }
modules=/lib/modules/$(uname -r)

run doctor-no-kubelet $plugin doctor
mkdir -p /var/lib/kubelet/device-plugins
# the compiled program is a Bun too: the doctor only wants a socket that accepts connections
echo 'require("node:net").createServer((s) => s.end()).listen(process.argv[2])' >/tmp/listen.cjs
BUN_BE_BUN=1 $plugin /tmp/listen.cjs /var/lib/kubelet/device-plugins/kubelet.sock &
listener=$!
wait_for 30 [ -S /var/lib/kubelet/device-plugins/kubelet.sock ]
run doctor-before $plugin doctor --json
run doctor-no-module $plugin doctor --json --modules-dir /nowhere
run doctor-many $plugin doctor --json --max-devices 16
run doctor-comma $plugin doctor --json --v4l2-card-label "a, b"
run list-before $plugin devices
run add-before $plugin devices add

insmod $modules/kernel/drivers/media/mc/mc.ko
insmod $modules/kernel/drivers/media/v4l2-core/videodev.ko
insmod $modules/updates/dkms/v4l2loopback.ko devices=3 video_nr=10,11,12 exclusive_caps=1,1,0 \\
  'card_label="front door,b,c"'

$plugin testpattern video10 --size 64x48 >/log/pattern-small 2>&1 &
writer=$!
three_frames 6144
# until three bars were seen: an emulated machine has frames when it has time
three_bars() {
  v4l2-tool read-frames /dev/video10 1 >>/log/read-frames
  [ "$(sort -u /log/read-frames | wc -l)" -ge 3 ]
}
wait_for 60 three_bars
kill -INT $writer
wait $writer
run pattern-some $plugin testpattern video10 --size 64x48 --frames 5

$plugin testpattern /dev/video10 >/log/pattern 2>&1 &
writer=$!
three_frames 614400
run snapshot $plugin snapshot video10 -o /tmp/frame.png
base64 /tmp/frame.png >/log/frame.png
run second-writer $plugin testpattern video10 --frames 3
run check-busy $plugin snapshot video10 --check
kill -INT $writer
wait $writer
echo "exit $?" >>/log/pattern

for format in YU12 RGB24; do
  $plugin testpattern video11 --format $format --size 320x240 >/log/pattern-$format 2>&1 &
  writer=$!
  three_frames 115200
  run snapshot-$format $plugin snapshot video11 -o /tmp/$format.png
  base64 /tmp/$format.png >/log/$format.png
  kill $writer
  wait $writer
done

$plugin testpattern video12 >/log/pattern-both 2>&1 &
writer=$!
three_frames 614400
run second-writer-both $plugin testpattern video12 --frames 3
kill $writer
wait $writer

run doctor-after $plugin doctor --json --max-devices 3
run doctor-text $plugin doctor
run doctor-elsewhere $plugin doctor --json --first-device-number 40
v4l2-tool hold /dev/video10 60 >/log/other-holder &
holder=$!
wait_for 10 grep holding /log/other-holder
mount -o remount,ro /sys
run doctor-read-only $plugin doctor --json --max-devices 3
run repair-read-only $plugin devices repair video12
mount -o remount,rw /sys
kill $holder
wait $holder
openers=/sys/class/video4linux/video11/max_openers
echo 0 >$openers
run doctor-locked $plugin doctor --json --max-devices 3
run list-locked $plugin devices --json
echo 10 >$openers
run list $plugin devices
v4l2-tool hold /dev/video10 60 >/log/holder &
holder=$!
wait_for 10 grep holding /log/holder
run list-held $plugin devices --json
for change in remove reset repair; do run $change-held $plugin devices $change video10; done
run remove-forced $plugin devices remove video10 --force
kill $holder
wait $holder

run add $plugin devices add --number 20 --label "side door"
run add-again $plugin devices add --number 20
run add-free $plugin devices add
run list-added $plugin devices --json
chmod 0640 /dev/video10
chown 0:44 /dev/video10
run added v4l2-tool query --try-format /dev/video20
run reset $plugin devices reset /dev/video10
run reset-look v4l2-tool query --try-format /dev/video10
value reset-access "$(stat -c '%a %g' /dev/video10)"
run remove $plugin devices remove video20
run remove-again $plugin devices remove video20
run list-removed $plugin devices --json

v4l2-tool write-frames --write-only /dev/video11 3
v4l2-tool query /dev/video11 >/dev/null
run dead v4l2-tool query /dev/video11
run dead-pattern $plugin testpattern video11 --frames 3
run repair $plugin devices repair video11
run repaired v4l2-tool query /dev/video11
run repaired-pattern $plugin testpattern video11 --frames 3
run reset-11 $plugin devices reset 11

run no-writer $plugin snapshot video10 -o /tmp/none.png
run check $plugin snapshot video10 --check
run check-again $plugin snapshot video10 --check --size 64x48 --format RGB24
run check-both $plugin snapshot video12 --check
# as the pod of helm test does
cat >/tmp/as-another-user.cjs <<'END'
const [, , ...command] = process.argv;
const { BUN_BE_BUN, ...env } = process.env;
process.setgroups([]);
process.setgid(65534);
process.setuid(65534);
const { status } = require("node:child_process").spawnSync(command[0], command.slice(1), { stdio: "inherit", env });
process.exit(status);
END
chmod 0666 /dev/video11 /dev/video12
run check-container env BUN_BE_BUN=1 VIDEO_DEVICE=/dev/video11 VIDEO_DEVICES=/dev/video11,/dev/video12 \\
  $plugin /tmp/as-another-user.cjs $plugin snapshot --check
run after v4l2-tool query --try-format /dev/video10

# a kubelet that takes connections and says nothing of use
mkdir -p /var/lib/kubelet/pod-resources
BUN_BE_BUN=1 $plugin /tmp/listen.cjs /var/lib/kubelet/pod-resources/kubelet.sock &
deaf=$!
wait_for 30 [ -S /var/lib/kubelet/pod-resources/kubelet.sock ]
for change in remove reset repair; do run $change-unknown $plugin devices $change video12; done
kill $deaf
wait $deaf
run reset-no-kubelet $plugin devices reset video12
run reset-unknown-forced $plugin devices reset video12 --force
rm -f /var/lib/kubelet/pod-resources/kubelet.sock

$plugin run --max-devices 3 >/log/plugin 2>&1 &
running=$!
wait_for 60 $plugin probe live
run reset-managed $plugin devices reset video12
run reset-managed-forced $plugin devices reset video12 --force
run remove-managed $plugin devices remove video12
run list-managed $plugin devices --json
kill $running
wait $running
run reset-after-plugin $plugin devices reset video12
${noComplaint}`;

/**
 * `doctor`, `devices`, `testpattern` and `snapshot` on the real module: what they write is read by a program that isn't
 * ours, and the picture they save is compared with what was drawn. The script is one life of a node.
 */
export function toolsSuite(moduleVersion: ModuleVersion): Suite {
  return {
    name: "the tools",
    timeoutSeconds: suiteSeconds,
    script: SCRIPT,
    tests: (result) => makeTests(moduleVersion, result),
  };
}

function makeTests(moduleVersion: ModuleVersion, result: () => VmResult): void {
  const old = moduleVersion === "0.12.7";
  const output = (name: string) => result().files[name] ?? `no ${name}`;

  const listed = (name: string): ListedDevice[] => JSON.parse(withoutExit(output(name)));
  const doctor = (name: string, code: number) => {
    expect(output(name)).toEndWith(`exit ${code}\n`);
    const { ok, checks }: { ok: boolean; checks: Check[] } = JSON.parse(withoutExit(output(name)));
    const by = <T>(value: (check: Check) => T) =>
      Object.fromEntries(checks.map((check) => [check.check, value(check)]));
    const [states, details] = [by(({ state }) => state), by(({ detail }) => detail)];
    return { ok, states, details, remedies: by(({ remedy }) => remedy) };
  };

  test("the script ran to its end, and the kernel has no complaint", () => {
    expect(failures(result())).toBe("");
  });

  test("another program reads the bars that testpattern writes", () => {
    const lumas = output("read-frames").trim().split("\n").map(Number);
    // eight-bit integers may be off by one
    const isBar = (luma: number) => BAR_LUMA.some((bar) => Math.abs(bar - luma) <= 1);
    // From 0.14 on a reader that comes after the first frame may get the other buffer, which is still empty.
    const isEmpty = (luma: number) => luma === 0 && !old;
    expect(lumas.filter((luma) => !isBar(luma) && !isEmpty(luma))).toEqual([]);
    expect(new Set(lumas).size).toBeGreaterThanOrEqual(3);
    expect(output("pattern-some")).toMatch(
      /"front door"\)\. 5 frames\.\n5 frames in .*\nexit 0\n$/,
    );
  });

  test.each([
    ["frame", 640, 480, "video10"],
    ["YU12", 320, 240, "video11"],
    ["RGB24", 320, 240, "video11"],
  ] as const)(
    "the picture %s shows the bars, the device and the frame",
    (name, width, height, id) => {
      const picture = decodePicture(output(`${name}.png`));
      expect([picture.width, picture.height]).toEqual([width, height]);
      expect(difference(picture, id)).toBeLessThan(0.0005);
    },
  );

  test("Ctrl-C ends a test pattern in order", () => {
    expect(output("pattern")).toMatch(/Ctrl-C stops it\.\n\d+ frames in .* a second\.\nexit 0\n$/);
  });

  test.each(["second-writer", "second-writer-both"])(
    "%s is refused, and names the first writer",
    (name) => {
      expect(output(name)).toMatch(
        /can't be written to: another program does[\s\S]*open in .+\(process \d+\)[\s\S]*exit 1\n$/,
      );
    },
  );

  test("a snapshot of a device without a writer fails, and names testpattern", () => {
    expect(output("no-writer")).toMatch(
      /has no frames: no program writes to it\.\n.*testpattern[\s\S]*exit 1\n$/,
    );
  });

  test.each(["check", "check-again", "check-both"])(
    "%s gets all frames back, and reports rate and latency",
    (name) => {
      expect(output(name)).toMatch(
        /all 100 frames .* \d+ a second, latency [\d.]+ ms \(median\).*\nexit 0\n$/,
      );
    },
  );

  test("without a name, the devices of the own container are checked, as a user that isn't root", () => {
    const [first = "", second = "", ...rest] = output("check-container").split("\n");
    expect(first).toStartWith("/dev/video11: all 100 frames of 640x480 YUYV came back");
    expect(second).toStartWith("/dev/video12: all 100 frames of 640x480 YUYV came back");
    expect(rest).toEqual(["exit 0", ""]);
  });

  test("a busy device is not checked", () => {
    expect(output("check-busy")).toMatch(
      /is not idle\. It is open in .+process \d+[\s\S]*exit 1\n$/,
    );
  });

  test("before the module is loaded, doctor reports that, and that the node is fit", () => {
    const { ok, states } = doctor("doctor-before", 0);
    expect(ok).toBe(true);
    expect(states).toMatchObject({ module_file: "ok", module: "warning", devices: "warning" });
    expect(states).toMatchObject({ kubelet_directory: "ok", kubelet_socket: "ok" });
  });

  test("doctor finds a problem with a remedy where there is no module, or no kubelet", () => {
    const { ok, states, remedies } = doctor("doctor-no-module", 1);
    expect(ok).toBe(false);
    expect(states).toMatchObject({ module_file: "problem", module: "problem" });
    expect(remedies["module_file"]).toContain("/lib/modules");
    expect(output("doctor-no-kubelet")).toMatch(/✗ kubelet directory +there is no/);
    expect(output("doctor-no-kubelet")).toEndWith("can't work here: 1 problem.\nexit 1\n");
  });

  test("doctor reports the loaded module, its control node and its devices", () => {
    const { ok, states, details } = doctor("doctor-after", 0);
    expect(ok).toBe(true);
    expect(states).toMatchObject({ module: "ok", control_node: "ok", devices: "ok" });
    expect(details["module"]).toContain(old ? "so 0.12" : moduleVersion);
    expect(details["control_node"]).toStartWith(old ? "none" : "/dev/v4l2loopback (10:");
    expect(details["devices"]).toBe('video10 to video12: 3 of 3 there, the first is "front door"');
    expect(output("doctor-text")).toContain(
      "3 of 8 there; missing: video13, video14, video15, video16, video17\n",
    );
  });

  test("doctor reports before the load what 0.12 can't do: many devices, any label", () => {
    const many = doctor("doctor-many", old ? 1 : 0);
    expect(many.states["control_node"]).toBe(old ? "problem" : undefined);
    const comma = doctor("doctor-comma", old ? 1 : 0);
    expect(comma.states["card_label"]).toBe(old ? "problem" : undefined);
  });

  test("doctor promises no devices that a loaded module will not make", () => {
    const { states, details } = doctor("doctor-elsewhere", old ? 1 : 0);
    expect(states["devices"]).toBe(old ? "problem" : "warning");
    if (old) expect(details["devices"]).toContain("which has video10, video11, video12");
  });

  test("doctor reports a read-only /sys, and a device whose use can't be known there does not count as free", () => {
    expect(doctor("doctor-read-only", 0).states["sysfs"]).toBe("warning");
    expect(output("repair-read-only")).toMatch(
      /not known whether video12 is in use: only root sees whether it is open[\s\S]*exit 1\n$/,
    );
  });

  test("doctor and devices report a device that refuses every open", () => {
    const { states, details } = doctor("doctor-locked", 0);
    expect(states["devices"]).toBe("warning");
    expect(details["devices"]).toContain("video11 is locked: no process can open it");
    expect(listed("list-locked").map(({ state }) => state)).toEqual(["ok", "faulty", "ok"]);
  });

  test.each(["remove-unknown", "reset-unknown", "repair-unknown", "reset-no-kubelet"])(
    "%s: a kubelet that can't be asked keeps a device from being changed",
    (name) => {
      expect(output(name)).toMatch(
        /not known whether video12 is in use: the kubelet doesn't say which pod owns it \(.*kubelet\.sock: .*\)\.\n.*--force\.\nexit 1\n$/,
      );
    },
  );

  test("which can be forced", () => {
    expect(output("reset-unknown-forced")).toBe('video12 ("c") was reset.\nexit 0\n');
  });

  test("a running plugin resets its own devices if it knows that they are free", () => {
    expect(output("reset-managed")).toMatch(
      /It is not known whether a pod owns video12\.[\s\S]*exit 1\n$/,
    );
    expect(output("reset-managed-forced")).toBe(
      "video12 was reset by the running plugin.\nexit 0\n",
    );
    expect(output("reset-after-plugin")).toMatch(/^video12 \(".*"\) was reset\.\nexit 0\n$/);
  });

  test("a running plugin's device is not removed", () => {
    expect(output("remove-managed")).toMatch(
      /video12 belongs to the running plugin[\s\S]*exit 1\n$/,
    );
    expect(listed("list-managed").map(({ id }) => id)).toContain("video12");
  });

  test("devices lists labels, states and which process holds a device open", () => {
    expect(output("list-before")).toMatch(/^There is no video device\./);
    expect(output("list")).toMatch(/^video10 +front door +v4l2loopback +idle /m);
    const [held, free] = listed("list-held");
    expect(held).toMatchObject({ id: "video10", holders: [{ command: "v4l2-tool" }] });
    expect(free).toMatchObject({ id: "video11", label: "b", state: "ok", holders: [] });
  });

  test.each(["remove-held", "reset-held", "repair-held"])(
    "%s names the process that holds it open",
    (name) => {
      expect(output(name)).toMatch(
        /video10 is in use: it is open in v4l2-tool \(process \d+\)\.[\s\S]*exit 1\n$/,
      );
    },
  );

  test("devices adds and removes a device, or reports that the version can't", () => {
    const numbers = (name: string) => listed(name).map(({ number }) => number);
    expect(output("add-before")).toMatch(/v4l2loopback is not loaded\.[\s\S]*exit 1\n$/);
    if (old) {
      for (const name of ["add", "add-free"]) {
        expect(output(name)).toMatch(/only v4l2loopback 0\.13 and later.*\n.*\nexit 1\n$/);
      }
      expect(output("remove-forced")).toMatch(
        /can't be removed: only v4l2loopback 0\.13.*\nexit 1/,
      );
      expect(numbers("list-removed")).toEqual([10, 11, 12]);
      return;
    }
    expect(output("add")).toBe('video20 ("side door") was added.\nexit 0\n');
    expect(output("add-again")).toMatch(/video20 exists: "side door"\.[\s\S]*exit 1\n$/);
    expect(numbers("list-added")).toEqual([10, 11, 12, 13, 20]);
    expect(output("added")).toContain('"card":"side door"');
    expect(output("remove-forced")).toMatch(/open in v4l2-tool \(process \d+\)[\s\S]*exit 1\n$/);
    expect(output("remove")).toBe('video20 ("side door") was removed.\nexit 0\n');
    expect(output("remove-again")).toMatch(/There is no video20\.[\s\S]*exit 1\n$/);
    expect(numbers("list-removed")).toEqual([10, 11, 12, 13]);
  });

  test("devices resets one, which keeps its label, kind, mode and group", () => {
    expect(output("reset")).toBe('video10 ("front door") was reset.\nexit 0\n');
    const [device] = parseQuery(withoutExit(output("reset-look")));
    expect(device).toMatchObject({ card: "front door", s_fmt_output: "0" });
    expect(device && roleOf(device)).toBe("output");
    expect(result().values["reset-access"]).toBe("640 44");
    expect(output("reset-11")).toEndWith("exit 0\n");
  });

  test("a device that died is named, repaired, and works again", () => {
    const role = (name: string) =>
      parseQuery(withoutExit(output(name))).map((device) => roleOf(device));
    expect(role("dead")).toEqual([old ? "neither" : "output"]);
    if (old) {
      expect(output("dead-pattern")).toMatch(
        /neither capture nor output.*\n.*devices repair[\s\S]*exit 1\n$/,
      );
      expect(output("repair")).toBe('video11 ("b") was repaired.\nexit 0\n');
    } else {
      expect(output("repair")).toMatch(/has nothing to repair in place[\s\S]*exit 1\n$/);
    }
    expect(role("repaired")).toEqual(["output"]);
    expect(output("repaired-pattern")).toMatch(/3 frames in .*\nexit 0\n$/);
  });

  test("after all that the device is as before", () => {
    expect(output("after")).toContain('"s_fmt_output":"0"');
  });
}

/** A command's output without the line `exit N` that the script adds. */
function withoutExit(output: string): string {
  return output.replace(/exit \d+\n$/, "");
}

function decodePicture(base64: string): Picture {
  const { width, height, data } = decode(Buffer.from(base64, "base64"));
  return { width, height, data: Uint8Array.from(data) };
}

/**
 * The part of the picture's rows that are not as the frame is drawn whose number it shows. The bars show the
 * number, but for whole turns; the rows of the clock, the second line, are left out.
 */
function difference(picture: Picture, id: string): number {
  const { width, height } = picture;
  let least = 1;
  for (let frame = 0; frame < 400; frame++) {
    const caption = [id, "00:00:00.000", `frame ${String(frame).padStart(6, "0")}`];
    const expected = drawColourBars(width, height, frame, caption);
    let wrong = 0;
    let seen = 0;
    for (let y = 0; y < height; y += 2) {
      if (Math.abs(y - height / 2) < height / 12) continue;
      for (let x = 0; x < width; x += 2, seen++) {
        const [red, green, blue] = colourAt(picture, x, y);
        const [r, g, b] = colourAt(expected, x, y);
        // a pixel beside an edge may have its neighbour's colour, and is off by far
        if (Math.abs(red - r) + Math.abs(green - g) + Math.abs(blue - b) > 24) wrong++;
      }
      if (wrong > 0.05 * width * height) break;
    }
    if (seen > 0) least = Math.min(least, wrong / seen);
  }
  return least;
}
