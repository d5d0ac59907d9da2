import { describe, expect, test } from "bun:test";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { driverDevices } from "../../driver-devices.ts";
import { DeviceNumberHistory } from "./device-maker.ts";

const devices = driverDevices([10, 11, 12, 13], [], {
  hostPath: (id) => `/dev/${id}`,
  cleaning: "reset",
});
const [video10, video11, video12] = devices as [(typeof devices)[0], never, never];
const at = (minor: number) => ({ loopback: true, device: { major: 81, minor } });

describe("the device numbers that devices had", () => {
  test("order devices to recreate, and others come last as they are", () => {
    const numbers = new DeviceNumberHistory(recordingLogger());
    expect(numbers.inOrder(devices)).toEqual([...devices]);
    numbers.see(video12, at(0));
    numbers.see(video10, at(1));
    expect(numbers.inOrder(devices).map(({ id }) => id)).toEqual([
      ...["video12", "video10"],
      ...["video11", "video13"],
    ]);
  });

  test("are logged once when a device has another one", () => {
    const log = recordingLogger();
    const numbers = new DeviceNumberHistory(log);
    for (const minor of [3, 3, 4, 4]) numbers.see(video11, at(minor));
    numbers.see(video11, undefined);
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        fields: {
          ...{ device_id: "video11", device_number: "81:4", former_device_number: "81:3" },
          remedy: expect.stringContaining("Delete the pods"),
        },
      },
    ]);
  });
});
