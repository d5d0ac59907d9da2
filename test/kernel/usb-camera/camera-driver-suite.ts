import { expect, test } from "bun:test";
import { noComplaint, type Suite, suiteSeconds } from "../suite.ts";
import { failures, type VmResult } from "../vm.ts";
import { cameraFunctions } from "./camera-functions.ts";

const SCRIPT = `
${cameraFunctions}
# is ID REASON NODE: that is what the driver saw last.
is() { [ "$(grep "^$1 " /log/driver | tail -n 1)" = "$*" ]; }
# works ID: it does, under whatever number.
works() { grep "^$1 " /log/driver | tail -n 1 | grep "^$1 ok video"; }
node() { grep "^$1 " /log/driver | tail -n 1 | sed 's/.* //'; }
# ask WHAT ID: has the driver do that, and waits for its answer.
ask() {
  local before=$(grep -c "^$1 $2 " /log/driver)
  echo "$1 $2" >/run/driver
  check "the driver has answered: $1 $2" wait_for 120 answered "$before" "^$1 $2 "
}
listed() { [ "$(grep -c "^2 7 " "$2")" -gt "$1" ]; }
answered() { [ "$(grep -c "$2" /log/driver)" -gt "$1" ]; }
# controls CAMERA NAME: what the camera has in itself.
controls() {
  local before=$(grep -c "^2 7 " "/log/camera-$1")
  echo controls >"/run/$1"
  check "$1 lists its controls" wait_for 60 listed "$before" "/log/camera-$1"
  value "$2" "$(tail -n 9 "/log/camera-$1" | tr '\\n' ',')"
}

modprobe vhci-hcd
modprobe uvcvideo
modprobe v4l2loopback devices=1 video_nr=10 card_label=bot
modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 vid_cap_nr=20

mkfifo /run/driver
guest cameras <>/run/driver >/log/driver 2>&1 &
driver=$!
plug first 0 046d:0825 "Webcam C270" A1
check "a camera that is plugged in works" wait_for 120 works usb-046d-0825-A1
value first "$(node usb-046d-0825-A1) $(nodes 0 | head -n 1)"

controls first before
ask tenant usb-046d-0825-A1
controls first tenant
ask reset usb-046d-0825-A1
controls first after

# to another port, while a program holds the old node
v4l2-tool hold /dev/$(node usb-046d-0825-A1) 600 >/log/holder 2>&1 &
holder=$!
wait_for 60 grep holding /log/holder
unplug first 0
check "it is unplugged" wait_for 120 is usb-046d-0825-A1 unplugged -
plug moved 3 046d:0825 "Webcam C270" A1
check "it works at another port" wait_for 120 works usb-046d-0825-A1
value moved "$(node usb-046d-0825-A1) $(nodes 3 | head -n 1)"
kill $holder
wait $holder

plug twin 1 046d:0825 "Webcam C270" A1
check "its twin has another name" wait_for 120 works usb-vhci_hcd.0-2
value twins "$(node usb-046d-0825-A1) $(nodes 3 | head -n 1) $(node usb-vhci_hcd.0-2) $(nodes 1 | head -n 1)"
unplug twin 1
check "the twin is unplugged" wait_for 120 is usb-vhci_hcd.0-2 unplugged -

echo 0 >$(port 3)/authorized
check "a camera that the host locks out is unplugged" wait_for 120 is usb-046d-0825-A1 unplugged -
echo 1 >$(port 3)/authorized
check "and works when the host lets it in" wait_for 300 works usb-046d-0825-A1

plug silent 4 046d:0826 "Webcam C310" 77 bulk
check "another camera works" wait_for 120 works usb-046d-0826-77
echo auto >$(port 4)/power/control
check "it sleeps" wait_for 60 grep suspended $(port 4)/power/runtime_status
echo silent >/run/silent
ask reset usb-046d-0826-77
check "a camera that does not answer is stuck" wait_for 60 grep "^usb-046d-0826-77 stuck" /log/driver
check "and the other works" works usb-046d-0825-A1
unplug silent 4
check "it is unplugged in the end" wait_for 120 is usb-046d-0826-77 unplugged -
kill $driver
${noComplaint}`;

/** The driver of real cameras with cameras that the real uvcvideo drives; vivid and v4l2loopback are beside them. */
export const cameraDriverSuite: Suite = {
  name: "camera driver",
  timeoutSeconds: suiteSeconds,
  script: SCRIPT,
  tests: makeTests,
};

function makeTests(result: () => VmResult): void {
  const value = (name: string) => result().values[name] ?? `no ${name}`;
  const driver = () => (result().files["driver"] ?? "").trim().split("\n");

  test("a camera is followed over unplugging, other ports, twins and silence, and the kernel has no complaint", () => {
    expect(failures(result())).toBe("");
  });

  test("its link leads to the node that it has", () => {
    for (const name of ["first", "moved"]) {
      const [link, node] = value(name).split(" ");
      expect(link).toBe(node as string);
    }
    expect(value("moved").split(" ")[0]).not.toBe(value("first").split(" ")[0] as string);
    const [link, node, twinLink, twinNode] = value("twins").split(" ");
    expect([link, twinLink]).toEqual([node, twinNode]);
    expect(link).not.toBe(twinLink as string);
  });

  test("a reset undoes what a pod has set, behind auto modes as well", () => {
    // entity, selector and value: auto exposure, exposure, focus, auto focus; brightness
    expect(value("tenant")).toMatch(/^1 2 1,1 4 1000,1 6 200,1 8 0,.*2 2 -40,/);
    expect(value("after")).toBe(value("before"));
    expect(driver()).toContain("reset usb-046d-0825-A1 done");
  });

  test("a reset of a camera that does not answer ends in time, and says so", () => {
    expect(driver()).toContain("reset usb-046d-0826-77 device_hangs");
  });

  test("neither v4l2loopback nor a test driver is a camera of the pool", () => {
    const ids = new Set(driver().map((line) => line.split(" ")[0]));
    expect([...ids].filter((id) => id?.startsWith("platform") || id?.startsWith("video"))).toEqual(
      [],
    );
  });
}
