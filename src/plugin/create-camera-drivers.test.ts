import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FakeCameras } from "../../test/support/fake-cameras.ts";
import { silentLogger } from "../common/logger.ts";
import type { CameraPool } from "../config/pool-config.ts";
import { createCameraDrivers } from "./create-camera-drivers.ts";

let node: FakeCameras;
beforeEach(() => {
  node = new FakeCameras();
});
afterEach(() => node.close());

const pool = (name: string, more: Partial<CameraPool>): CameraPool => ({
  kind: "devices",
  name,
  options: {
    resourceName: `example.com/${name}`,
    containerDevicePath: "/dev/{id}",
    containerDeviceEnv: "VIDEO_DEVICE",
    preStartContainer: false,
  },
  select: [{ kind: "camera" }],
  exclude: [],
  ...{ identity: "auto", deviceName: "", with: [], expect: 0, share: 1 },
  ...{ clean: "controls", signal: "report", cdi: "off" },
  ...more,
});

test("a camera of a pod that is unplugged at the start is listed by the pod's pool alone", async () => {
  node.plug("1", { serial: "A" });
  const config = {
    ...{ deviceDir: node.deviceDir, sysfsDir: node.sysfs.dir, stateDir: node.stateDir },
    ...{ adminSocket: join(node.stateDir, "run/admin.sock"), manageDevices: true },
  };
  const [own, other] = [pool("own", {}), pool("other", {})];
  const create = (allocatedOf?: (pool: CameraPool) => readonly string[]) =>
    createCameraDrivers(config, [own, other], {
      ...{ log: silentLogger, machine: node.machine },
      ...(allocatedOf && { allocatedOf }),
    });
  const before = create().get(own);
  await before?.ensure();
  await before?.leave();
  node.unplug("1");
  const id = "usb-046d-0825-A";
  const drivers = create((asked) => (asked === own ? [id] : []));
  expect(drivers.get(own)?.devices.map((device) => device.id)).toEqual([id]);
  expect(drivers.get(other)?.devices).toEqual([]);
  await drivers.get(other)?.inspect({ owned: new Set([id]) });
  expect(drivers.get(other)?.devices.map((device) => device.id)).toEqual([id]);
});

test.each([
  [true, "reset"],
  [false, "unavailable"],
])(
  "each pool has its own devices; with MANAGE_DEVICES=%p cleaning is %s",
  async (manages, cleaning) => {
    node.plug("1", { serial: "A" });
    node.plug("2", { serial: "B" });
    const run = join(node.stateDir, "run");
    const created = createCameraDrivers(
      {
        ...{ deviceDir: node.deviceDir, sysfsDir: node.sysfs.dir, stateDir: node.stateDir },
        ...{ adminSocket: join(run, "admin.sock"), manageDevices: manages },
      },
      [
        pool("by-port", { select: [{ usb: { serial: "B" } }], identity: "port" }),
        pool("doors", { deviceName: "front-door" }),
      ],
      { log: silentLogger, machine: node.machine },
    );
    const drivers = [...created.values()];
    for (const driver of drivers) {
      await driver.ensure();
      expect((await driver.inspect()).map(({ reason }) => reason)).toEqual(["ok"]);
      await driver.leave();
    }
    const found = drivers.flatMap(({ devices }) => devices);
    expect(found.map(({ id, cleaning: is }) => [id, is])).toEqual([
      ["usb-0000:00:14.0-2", cleaning],
      ["front-door", cleaning],
    ] as never);
    expect(readdirSync(join(run, "devices")).sort()).toEqual(["front-door", "usb-0000:00:14.0-2"]);
    expect(found.map(({ nodes }) => nodes[0].hostPath)).toEqual([
      ...[join(run, "devices/usb-0000:00:14.0-2"), join(run, "devices/front-door")],
    ]);
    expect(existsSync(join(node.stateDir, "cameras.json"))).toBe(true);
  },
);
