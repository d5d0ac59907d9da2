import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import { LoopbackDriver } from "../../src/drivers/loopback/loopback-driver.ts";
import { SimulatedDriver } from "../../src/drivers/simulated/simulated-driver.ts";
import type { MakeCharDevice } from "../../src/drivers/simulated/simulated-node.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { FakeCameras } from "../support/fake-cameras.ts";
import { type FakeKernelOptions, FakeLoopbackKernel } from "../support/fake-loopback-kernel.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { countOpens } from "../support/open-watch.ts";
import { type DriverHarness, driverContract } from "./driver-contract.ts";

function simulated(
  makeCharDevice: MakeCharDevice,
  ready?: { rate: number; placeholderRate: number },
): DriverHarness {
  const dir = mkdtempSync(join(tmpdir(), "simulated-contract-"));
  const nodePath = (id: string) => join(dir, id);
  const driver = new SimulatedDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices: 3, mode: 0o640, group: undefined, ready },
      simulatedDir: dir,
    },
    { log: silentLogger, clock: systemClock, makeCharDevice },
  );
  return {
    driver,
    mode: 0o640,
    nodePath,
    deleteDevice: async (id) => {
      const device = driver.devices.find((candidate) => candidate.id === id);
      for (const { hostPath } of device?.nodes ?? []) rmSync(hostPath);
    },
    breakDevice: async (id) => {
      writeFileSync(join(dir, ".faults", `${id}.sick`), "The sensor is on fire.");
      return "faulty";
    },
    holdDevice: async (id) => {
      const fault = join(dir, ".faults", `${id}.held`);
      writeFileSync(fault, "A pod has it.");
      return () => rmSync(fault);
    },
    countOpens: (run) =>
      countOpens(
        driver.devices.map(({ id }) => nodePath(id)),
        run,
      ),
    close: async () => rmSync(dir, { recursive: true }),
  };
}

/** The driver waits a second for a device that is open; these tests needn't. */
const quickness = 10;

function loopback(options: FakeKernelOptions, maxDevices = 3): DriverHarness {
  const kernel = new FakeLoopbackKernel(options);
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const nodePath = (id: string) => join(deviceDir, id);
  const numberOf = (id: string) => Number(id.replace("video", ""));
  const driver = new LoopbackDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices, mode: 0o640, group: undefined },
      ...{ cardLabel: "Default WebCam", nodeName: "node-7", numberTaken: "refuse" },
      ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 },
      modprobeDirs: [],
      ...{ deviceDir, sysfsDir, modulesDir, kernelRelease },
    },
    { log: silentLogger, kernel, clock: hurriedClock(quickness) },
  );
  return {
    driver,
    mode: 0o640,
    nodePath,
    deleteDevice: async (id) => kernel.unplug(numberOf(id)),
    breakDevice: async (id) => {
      kernel.unplug(numberOf(id));
      kernel.addForeign(numberOf(id), "USB Camera");
      return "wrong_driver";
    },
    holdDevice: async (id) => kernel.hold(numberOf(id)),
    countOpens: (run) =>
      countOpens(
        driver.devices.map(({ id }) => nodePath(id)),
        run,
      ),
    close: async () => kernel.close(),
  };
}

function cameras(): DriverHarness {
  const node = new FakeCameras();
  const ports = { "usb-046d-0825-A": "1", "usb-046d-0825-B": "2" } as Record<string, string>;
  const plug = (id: string) => node.plug(ports[id] ?? "", { serial: id.slice(-1) });
  for (const id of Object.keys(ports)) plug(id);
  const { driver } = node.start();
  const nodePath = (id: string) => join(node.linkDir, id);
  const portOf = (id: string) => ports[id] ?? "";
  return {
    driver,
    finds: true,
    mode: 0o660,
    nodePath,
    deleteDevice: async (id) => {
      if (!node.isPlugged(portOf(id))) plug(id);
      node.unplug(portOf(id));
    },
    breakDevice: async (id) => {
      node.removeNode(portOf(id));
      return "node_missing";
    },
    holdDevice: async (id) => node.hold(portOf(id)),
    countOpens: (run) =>
      countOpens(
        driver.devices.map(({ id }) => nodePath(id)),
        run,
      ),
    close: async () => node.close(),
  };
}

const harnesses: Record<string, () => DriverHarness> = {
  "simulated driver with the nodes that this process may create": () =>
    simulated(linuxCalls().makeCharDevice),
  "camera driver on a fake /sys": cameras,
  "simulated driver with plain files": () =>
    simulated(() => {
      throw new Error("not permitted");
    }),
  "simulated driver with ready cameras": () =>
    simulated(linuxCalls().makeCharDevice, { rate: 30, placeholderRate: 5 }),
  "loopback driver on a fake kernel with v4l2loopback 0.12.7": () =>
    loopback({ version: "0.12.7" }),
  "loopback driver on a fake kernel with v4l2loopback 0.15.4": () =>
    loopback({ version: "0.15.4" }),
  "loopback driver with more devices than parameters hold": () => loopback({}, 11),
  "loopback driver with nodes that appear late": () => loopback({ nodeDelayMs: 30 / quickness }),
};

for (const [name, makeHarness] of Object.entries(harnesses)) {
  describe(name, () => {
    for (const check of driverContract) {
      test(check.name, async () => {
        const harness = makeHarness();
        try {
          await check.run(harness);
        } finally {
          await harness.close();
        }
      });
    }
  });
}

test("the count of opens sees an open", async () => {
  const dir = mkdtempSync(join(tmpdir(), "open-watch-"));
  const path = join(dir, "file");
  writeFileSync(path, "");
  expect(await countOpens([path], async () => writeFileSync(path, "x"))).toBe(1);
  expect(await countOpens([path], async () => undefined)).toBe(0);
  rmSync(dir, { recursive: true });
});
