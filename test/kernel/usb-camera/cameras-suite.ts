import { expect, test } from "bun:test";
import { decode } from "fast-png";
import type { ListedDevice } from "../../../src/cli/devices/list-devices.ts";
import { noComplaint, type Suite, suiteSeconds } from "../suite.ts";
import { failures, type VmResult } from "../vm.ts";
import { cameraFunctions } from "./camera-functions.ts";

const SCRIPT = `
plugin=video-device-plugin
# run NAME COMMAND...: hands over the output, and the exit code as its last line.
run() {
  local name=$1 code=0
  shift
  "$@" >"/log/$name" 2>&1 || code=$?
  echo "exit $code" >>"/log/$name"
}
${cameraFunctions}

modprobe vhci-hcd
modprobe uvcvideo
modprobe vivid n_devs=2 node_types=0x1,0x1 num_inputs=1,1 vid_cap_nr=20,21
modprobe v4l2loopback devices=1 video_nr=10 card_label=bot

plug first 0 046d:0825 "Webcam C270" 4A1B
plug grabber 30 0bda:5830 "HDMI grabber" "" mjpg bulk
run list $plugin devices
run list-json $plugin devices --json
run doctor $plugin doctor --json

run snapshot $plugin snapshot video0 -o /tmp/frame.png
base64 /tmp/frame.png >/log/frame.png
echo controls >/run/first
check "the camera lists its controls" wait_for 60 grep "^2 7 " /log/camera-first
run snapshot-mjpg $plugin snapshot $(nodes 30 | head -n 1) -o /tmp/frame.jpg
value jpeg "$(od -An -tx1 /tmp/frame.jpg | tr -d ' \n')"
run snapshot-mjpg-png $plugin snapshot $(nodes 30 | head -n 1) -o /tmp/none.png
run snapshot-metadata $plugin snapshot video1 -o /tmp/none.png
run snapshot-vivid $plugin snapshot video20 -o /tmp/vivid.png

plug twin 1 046d:0825 "Webcam C270" 4A1B
run list-twins $plugin devices --json
unplug twin 1

# to another port, while a program holds the old node
v4l2-tool hold /dev/video0 600 >/log/holder 2>&1 &
holder=$!
wait_for 60 grep holding /log/holder
run list-held $plugin devices --json
unplug first 0
plug moved 3 046d:0825 "Webcam C270" 4A1B
moved=$(nodes 3 | head -n 1)
value moved "$moved"
run list-moved $plugin devices --json
kill $holder
wait $holder

echo stuck >/run/moved
$plugin snapshot $moved -o /tmp/none.png >/log/snapshot-stuck 2>&1 &
snapshot=$!
streams() { grep 1 $(port 3)/*:1.1/bAlternateSetting; }
check "a snapshot streams" wait_for 120 streams
# it keeps its stream until the other one has ended, however long that takes
kill -STOP $snapshot
run snapshot-second $plugin snapshot $moved -o /tmp/none.png
kill -CONT $snapshot
wait $snapshot
$plugin snapshot $moved -o /tmp/none.png >/log/snapshot-unplugged 2>&1 &
snapshot=$!
check "another snapshot streams" wait_for 120 streams
unplug moved 3
wait $snapshot

# It answers no more: first awake, when an open works, then asleep, when an open waits for it.
plug silent 4 046d:0826 "Webcam C310" 77 bulk
silent=$(nodes 4 | head -n 1)
power=$(port 4)/power
echo on >$power/control
wait_for 60 grep active $power/runtime_status
echo silent >/run/silent
run snapshot-silent $plugin snapshot $silent -o /tmp/none.png
echo answer >/run/silent
echo auto >$power/control
check "the camera sleeps" wait_for 60 grep suspended $power/runtime_status
echo silent >/run/silent
run snapshot-asleep $plugin snapshot $silent -o /tmp/none.png
run list-asleep $plugin devices --json
run list-asleep-text $plugin devices
unplug silent 4
run list-end $plugin devices --json
${noComplaint}`;

/** The colours of the bars that usb-camera draws: 75 % of white, yellow, cyan, green, magenta, red, blue, black. */
const BARS = ["ccc", "cc0", "0cc", "0c0", "c0c", "c00", "00c", "000"];

/**
 * `devices`, `snapshot` and `doctor` with cameras that the real uvcvideo drives: processes that answer as USB cameras, on a
 * virtual host controller. vivid and v4l2loopback are beside them.
 */
export const camerasSuite: Suite = {
  name: "cameras",
  timeoutSeconds: suiteSeconds,
  script: SCRIPT,
  tests: makeTests,
};

function makeTests(result: () => VmResult): void {
  const output = (name: string) => result().files[name] ?? `no ${name}`;
  const list = (name: string): ListedDevice[] => JSON.parse(output(name).replace(/exit 0\n$/, ""));
  const device = (name: string, id = "video0") => list(name).find((one) => one.id === id);
  const identities = (name: string) =>
    list(name).map(({ id, kind, identity }) => `${id} ${kind} ${identity}`);

  test("the script ran to its end, and the kernel has no complaint", () => {
    expect(failures(result())).toBe("");
  });

  test("nodes are classified, and named by serial number, port or place", () => {
    expect(identities("list-json")).toEqual([
      "video0 camera usb-046d-0825-4A1B",
      "video1 metadata usb-046d-0825-4A1B",
      "video2 camera usb-vhci_hcd.1-1",
      "video3 metadata usb-vhci_hcd.1-1",
      "video10 loopback video10",
      "video20 camera platform-vivid.0-platform:vivid-000",
      "video21 camera platform-vivid.0-platform:vivid-001",
    ]);
  });

  test("the list for people has loopback devices first, then a row for each device", () => {
    expect(output("list")).toMatch(
      /^DEVICE .*\nvideo10 .*\n\nNODES .*\nvideo0 video1 +camera +Webcam C270 +free +usb-046d-0825-4A1B +uvcvideo +-\nvideo2 video3 +camera +HDMI grabber +free /,
    );
  });

  test("doctor names them", () => {
    expect(output("doctor")).toContain(
      'video0 and video1 \\"Webcam C270\\" (uvcvideo, usb-046d-0825-4A1B)',
    );
  });

  test("a snapshot of a webcam shows its picture", () => {
    expect(output("snapshot")).toMatch(/^\/tmp\/frame\.png: 160x120, made of YUYV, .*\nexit 0\n$/);
    const { width, data } = decode(Buffer.from(output("frame.png"), "base64"));
    const bars = BARS.map((_, bar) => {
      const at = (60 * width + bar * 20 + 10) * 3;
      return [...data.slice(at, at + 3)].map((value) => (Number(value) >> 4).toString(16)).join("");
    });
    // 75 % of 255 is 191: 0xb or 0xc, by rounding
    expect(bars.map((bar) => bar.replaceAll("b", "c"))).toEqual(BARS);
  });

  test("neither a list nor a snapshot changes a control", () => {
    // entity, selector and value: auto exposure, exposure, focus, auto focus, zoom, pan and tilt; then the picture's
    expect(output("camera-first").trim().split("\n")).toEqual([
      ...["1 2 8", "1 4 156", "1 6 0", "1 8 1", "1 11 100", "1 13 0"],
      ...["2 2 0", "2 3 32", "2 7 64"],
    ]);
  });

  test("MJPG is saved as it is, into a JPEG file alone", () => {
    expect(output("snapshot-mjpg")).toMatch(/made of MJPG, 10 bytes\.\nexit 0\n$/);
    expect(result().values["jpeg"]).toBe("ffd8ffe000045453ffd9");
    expect(output("snapshot-mjpg-png")).toMatch(/sends MJPG.*\nGive the file .*\.jpg\.\nexit 1\n$/);
  });

  test("a metadata node has no picture, and a device with read(2) has", () => {
    expect(output("snapshot-metadata")).toMatch(
      /video1 carries no pictures: .* metadata\.[\s\S]*exit 1/,
    );
    expect(output("snapshot-vivid")).toMatch(/exit 0\n$/);
  });

  test("twins with one serial number are named by their ports", () => {
    const named = identities("list-twins").filter((line) => / camera usb-vhci_hcd\.0/.test(line));
    expect(named.map((line) => line.split(" ").at(-1))).toEqual([
      ...["usb-vhci_hcd.0-1", "usb-vhci_hcd.0-2"],
    ]);
  });

  test("a camera keeps its name at another port, under another number", () => {
    const moved = result().values["moved"] ?? "";
    expect(device("list-held")).toMatchObject({
      ...{ identity: "usb-046d-0825-4A1B", kind: "camera", holders: [{ command: "v4l2-tool" }] },
    });
    expect(moved).not.toBe("video0");
    expect(device("list-moved", moved)?.identity).toBe("usb-046d-0825-4A1B");
    expect(device("list-moved")).toBeUndefined();
  });

  test("a camera that streams nothing is named as such, and one that is busy by its program", () => {
    expect(output("snapshot-stuck")).toMatch(/streams, but no frame came in 5 s\./);
    expect(output("snapshot-second")).toMatch(
      /can't stream: another program does\. It is open in .*process \d+[\s\S]*exit 1\n$/,
    );
  });

  test("a camera that is unplugged in the middle of a snapshot ends it", () => {
    expect(output("snapshot-unplugged")).toMatch(/was unplugged meanwhile\./);
  });

  test("a camera that does not answer can't stream while it is awake", () => {
    expect(output("snapshot-silent")).toMatch(/can't stream \(EIO\)\.[\s\S]*exit 1\n$/);
  });

  test("one that is asleep is stuck, which costs a child process, and no other device", () => {
    expect(output("snapshot-asleep")).toMatch(
      /is stuck: it did not answer within 2 s\.[\s\S]*exit 1\n$/,
    );
    const states = list("list-asleep").map(({ kind, state }) => `${kind} ${state}`);
    expect(states).toContain("camera ok");
    expect(output("list-asleep-text")).toMatch(/HDMI grabber +free/);
  });

  test("all that is left in the end has been plugged in", () => {
    expect(identities("list-end").filter((line) => line.includes("camera usb"))).toEqual([
      "video2 camera usb-vhci_hcd.1-1",
    ]);
  });
}
