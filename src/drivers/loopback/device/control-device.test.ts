import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { FakeLoopbackKernel } from "../../../../test/support/fake-loopback-kernel.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { silentLogger } from "../../../common/logger.ts";
import { ErrnoError, errnoNumber } from "../../../linux/errno-error.ts";
import { ControlDevice } from "./control-device.ts";

const parameters = { exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 };
const request = { number: 10, label: "My WebCam" };
let kernel: FakeLoopbackKernel;
let control: ControlDevice;
beforeEach(() => {
  kernel = new FakeLoopbackKernel();
  kernel.preload("devices=0");
  control = new ControlDevice(kernel, { kernel, clock: steppingClock(), log: silentLogger });
});
afterEach(() => kernel.close());

/** The kernel answers every request with this errno. */
function refuse(errno: string): void {
  kernel.control = () => {
    throw new ErrnoError(errnoNumber(errno) ?? 0, "ioctl");
  };
}

describe("the control device", () => {
  test("adds the device of the number asked for", async () => {
    await control.add(request, parameters);
    expect(kernel.device(10)).toMatchObject({ label: "My WebCam", exclusive: true });
  });

  test("a number that another driver uses is an error with its owner, and nothing is left", async () => {
    kernel.addForeign(10, "USB Camera");
    await expect(control.add(request, parameters)).rejects.toMatchObject({
      code: "device_number_taken",
      message: 'video10 can\'t be created: the number belongs to "USB Camera".',
    });
    expect(kernel.device(11)).toBeUndefined();
    expect(kernel.device(0)).toBeUndefined();
  });

  test("a device that was created instead and can't be removed is in the error as well", async () => {
    kernel.addForeign(10, "USB Camera");
    const add = kernel.control.bind(kernel);
    kernel.control = (path, request, arg) => {
      const answer = add(path, request, arg);
      if (typeof arg !== "number") kernel.hold(answer);
      return answer;
    };
    await expect(control.add(request, parameters)).rejects.toMatchObject({
      message: expect.stringMatching(
        /"USB Camera"\. video11 was created instead and stays: .*open/,
      ),
    });
  });

  test("an index that v4l2loopback uses already is a number taken", async () => {
    refuse("EEXIST");
    await expect(control.add(request, parameters)).rejects.toMatchObject({
      code: "device_number_taken",
      remedy: expect.stringContaining("rmmod v4l2loopback"),
    });
  });

  test.each([
    ["EPERM", "privileged"],
    ["EACCES", "privileged"],
    ["EFAULT", "dmesg"],
  ])("%s is a failure with what to do", async (errno, remedy) => {
    refuse(errno);
    const expected = {
      message: expect.stringContaining(`through ${control.path}: ioctl: ${errno}.`),
      remedy: expect.stringContaining(remedy),
    };
    await expect(control.add(request, parameters)).rejects.toMatchObject({
      code: "create_failed",
      ...expected,
    });
    await expect(control.remove(10)).rejects.toMatchObject({ code: "remove_failed", ...expected });
  });

  test("the module answers with a device's parameters", async () => {
    await control.add(request, parameters);
    expect(control.query(10)).toEqual(parameters);
    expect(control.query(11)).toBeUndefined();
  });

  test("a control device that may not be opened is present and not usable", () => {
    expect([control.isPresent(), control.isUsable()]).toEqual([true, true]);
    kernel.controlForbidden = true;
    expect([control.isPresent(), control.isUsable()]).toEqual([true, false]);
  });

  test("removing a device that does not exist is a success", async () => {
    await control.remove(10);
    expect(kernel.journal).toEqual(["remove 10"]);
  });
});
