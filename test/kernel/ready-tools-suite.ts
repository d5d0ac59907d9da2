import { expect, test } from "bun:test";
import { decode } from "fast-png";
import type { ListedDevice } from "../../src/cli/devices/list-devices.ts";
import type { Check } from "../../src/cli/doctor/check.ts";
import { noComplaint, type Suite, suiteSeconds } from "./suite.ts";
import { failures, type VmResult } from "./vm.ts";

const [WIDTH, HEIGHT] = [320, 180];

const SCRIPT = `
plugin=video-device-plugin
options="--ready-cameras --ready-size ${WIDTH}x${HEIGHT} --max-devices 2"
# run NAME COMMAND...: hands over the output, and the exit code as its last line.
run() {
  local name=$1 code=0
  shift
  "$@" >"/log/$name" 2>&1 || code=$?
  echo "exit $code" >>"/log/$name"
}
# says COUNT TEXT: the status has the text so often. Its exit code is that of a plugin without a kubelet.
says() { $plugin status --json >/tmp/status; [ "$(grep -c "$2" /tmp/status)" = "$1" ]; }
take() { run $1 $plugin snapshot $2 -o /tmp/$1.png; base64 /tmp/$1.png >/log/$1.png; }

$plugin run $options >/log/plugin 2>&1 &
running=$!
wait_for 120 says 2 PICTURE_PLACEHOLDER
run list $plugin devices --json
run doctor $plugin doctor --json $options
take placeholder video10

$plugin testpattern video10 >/log/pattern 2>&1 &
writer=$!
wait_for 60 says 1 PICTURE_APPLICATION
take application video10
take by-feed video138
kill -INT $writer
wait $writer
wait_for 60 says 2 PICTURE_PLACEHOLDER

run check $plugin snapshot video10 --check
run check-by-feed $plugin snapshot /dev/video138 --check
# as the pod of helm test does, with the paths of a container
mknod /dev/feed0 c 81 $((0x$(stat -c %T /dev/video138)))
mknod /dev/camera0 c 81 $((0x$(stat -c %T /dev/video10)))
chmod 0666 /dev/feed0 /dev/camera0
run check-container env VIDEO_DEVICE=/dev/feed0 VIDEO_DEVICES=/dev/feed0 VIDEO_CAMERAS=/dev/camera0 \\
  VIDEO_FEEDS=/dev/feed0 $plugin snapshot --check

wrong() { while :; do dd if=/dev/zero of=/dev/video138 bs=1000 count=5 2>/dev/null; sleep 0.2; done; }
wrong &
writer=$!
wait_for 60 says 1 '"problem": "[A-Za-z]'
cp /tmp/status /log/wrong-status
take wrong video10
kill $writer
wait $writer
kill $running
wait $running
${noComplaint}`;

/** \`testpattern\`, \`snapshot\`, \`devices\`, \`doctor\` and \`status\` on ready cameras that the running plugin holds. */
export const readyToolsSuite: Suite = {
  name: "the tools on ready cameras",
  timeoutSeconds: suiteSeconds,
  script: SCRIPT,
  tests(result: () => VmResult) {
    const output = (name: string) => result().files[name] ?? `no ${name}`;
    const json = (name: string) => JSON.parse(output(name).replace(/exit \d+\n$/, ""));
    const picture = (name: string) => decode(Buffer.from(output(`${name}.png`), "base64"));

    test("the script ran to its end, and the kernel has no complaint", () => {
      expect(failures(result())).toBe("");
    });

    test("devices says which device is the feed of which camera", () => {
      const pairs = (json("list") as ListedDevice[]).map(({ id, feed, feedOf }) => [
        id,
        feed,
        feedOf,
      ]);
      expect(pairs).toEqual([
        ["video10", "video138", null],
        ["video11", "video139", null],
        ["video138", null, "video10"],
        ["video139", null, "video11"],
      ]);
    });

    test("doctor finds two ready cameras, and no other camera", () => {
      const { checks }: { checks: Check[] } = json("doctor");
      const details = Object.fromEntries(checks.map(({ check, detail }) => [check, detail]));
      expect(details).toMatchObject({
        ready_cameras: `${WIDTH}x${HEIGHT} YU12, 30 a second`,
        other_cameras: "none",
      });
      expect(details["devices"]).toStartWith("video10 to video11: 2 of 2 there");
    });

    test("a snapshot has the camera's size, and shows first the placeholder and then the application", () => {
      for (const name of ["placeholder", "application", "by-feed", "wrong"]) {
        const { width, height } = picture(name);
        expect([name, width, height]).toEqual([name, WIDTH, HEIGHT]);
      }
      expect(share("placeholder", "application")).toBeGreaterThan(0.01);
      expect(share("placeholder", "by-feed")).toBeGreaterThan(0.01);
    });

    test("testpattern writes the camera's size and format to its feed", () => {
      expect(output("pattern")).toMatch(
        new RegExp(`^Colour bars, ${WIDTH}x${HEIGHT} YU12 at 30 a second, to /dev/video138 `),
      );
    });

    test.each([
      ["check", "/dev/video10, written at /dev/video138"],
      ["check-by-feed", "/dev/video10, written at /dev/video138"],
      ["check-container", "/dev/camera0, written at /dev/feed0"],
    ])("%s gets all frames back from the camera", (name, paths) => {
      expect(output(name)).toStartWith(
        `${paths}: all 100 frames of ${WIDTH}x${HEIGHT} YU12 came back`,
      );
      expect(output(name)).toEndWith("exit 0\n");
    });

    test("frames of a wrong size are in the status, and on the picture", () => {
      expect(output("wrong-status")).toMatch(/"problem": ".*1000 bytes.*"/);
      expect(share("placeholder", "wrong")).toBeGreaterThan(0.01);
    });

    /** The share of bytes in which two pictures differ by more than a rounding. */
    function share(one: string, other: string): number {
      const [a, b] = [picture(one).data, picture(other).data];
      return a.filter((value, at) => Math.abs(value - (b[at] ?? 0)) > 8).length / a.length;
    }
  },
};
