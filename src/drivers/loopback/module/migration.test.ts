import { afterEach, describe, expect, test } from "bun:test";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../../test/support/fake-loopback-kernel.ts";
import {
  PREDECESSORS_LABELS,
  predecessorsParameters,
} from "../../../../test/support/predecessor.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { type LogFields, silentLogger } from "../../../common/logger.ts";
import { LoopbackDriver } from "../loopback-driver.ts";

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

function setUp(options: FakeKernelOptions, { devices = 3, largest = 8192 } = {}) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  kernel.preload(predecessorsParameters(devices).join(" "));
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const warnings: [string, LogFields][] = [];
  const warn = (msg: string, fields: LogFields = {}) => warnings.push([msg, fields]);
  const settings = {
    ...{ firstDeviceNumber: 10, maxDevices: devices, mode: 0o666, group: undefined },
    ...{ cardLabel: "MeetingBot_WebCam", nodeName: "node", numberTaken: "refuse" as const },
    ...{
      exclusiveCaps: true,
      maxBuffers: 2,
      maxWidth: largest,
      maxHeight: largest,
      initOnAlloc: true,
    },
    ...{ modprobeDirs: [], deviceDir, sysfsDir, modulesDir, kernelRelease },
  };
  const clock = steppingClock();
  const driver = new LoopbackDriver(settings, { log: { ...silentLogger, warn }, kernel, clock });
  return { kernel, driver, warnings };
}

describe("devices of the predecessor, with its stray quotes in their labels", () => {
  test.each(["0.12.7", "0.15.4"] as const)(
    "%s: are adopted as they are, with one warning for each label",
    async (version) => {
      const { kernel, driver, warnings } = setUp({ version });
      const labels = [...PREDECESSORS_LABELS];
      expect([10, 11, 12].map((number) => kernel.device(number)?.label)).toEqual(labels);

      const { created, adopted, failed } = await driver.ensure();
      expect({ created, adopted, failed }).toEqual({
        created: [],
        adopted: ["video10", "video11", "video12"],
        failed: [],
      });
      expect(kernel.journal).toEqual([]);
      expect((await driver.inspect()).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);

      await driver.ensure();
      expect(warnings).toEqual(
        labels.map((label, index) => [
          "Adopted devices have another card label",
          {
            device_ids: [`video${10 + index}`],
            card_label: label,
            wanted_card_label: "MeetingBot_WebCam",
          },
        ]),
      );
    },
  );

  test("are logged in four lines, although eight devices have larger frames", async () => {
    const { driver, warnings } = setUp({ version: "0.15.4" }, { devices: 8, largest: 1920 });
    await driver.ensure();
    const ids = Array.from({ length: 8 }, (_, index) => `video${10 + index}`);
    expect(warnings.map(([msg, fields]) => [msg, fields["device_ids"]])).toEqual([
      ["Adopted devices have another card label", ids.slice(0, 1)],
      ["Adopted devices accept larger frames", ids],
      ["Adopted devices have another card label", ids.slice(1, 7)],
      ["Adopted devices have another card label", ids.slice(7)],
    ]);
  });

  test("get the right label with their first reset, where there is a control device", async () => {
    const { kernel, driver } = setUp({ version: "0.15.4" });
    await driver.ensure();
    await driver.reset("video11");
    expect(kernel.device(11)).toMatchObject({ label: "MeetingBot_WebCam", exclusive: true });
    expect(kernel.journal).toEqual(["remove 11", "add 11"]);
  });

  test("keep it before 0.13, and are reset all the same", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" });
    await driver.ensure();
    await driver.reset("video11");
    expect(kernel.device(11)?.label).toBe('"MeetingBot_WebCam"');
    expect(kernel.journal).toEqual(["open 11", "open 11", "open 11"]);
  });
});
