import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { cli } from "../../../test/support/cli.ts";
import { device, FakeAdmin, statusOf } from "../../../test/support/fake-admin.ts";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";

let kernel: FakeLoopbackKernel;
let admin: FakeAdmin;
let kubelet: Server | undefined;

beforeEach(() => {
  kernel = new FakeLoopbackKernel({ version: "0.12.7" });
  kernel.preload('devices=2 video_nr=10,11 card_label="front door,b"');
  admin = new FakeAdmin(statusOf([device(11), device(12)]));
});
afterEach(async () => {
  kubelet?.close();
  kubelet = undefined;
  await admin.clear();
  kernel.close();
});

const socket = () => join(kernel.root, "pod-resources.sock");

function devices(...argv: string[]) {
  const { sysfsDir, deviceDir } = kernel;
  const places = { "sysfs-dir": sysfsDir, "device-dir": deviceDir, "admin-socket": admin.socket };
  const flags = Object.entries({ ...places, "pod-resources-socket": socket() });
  return cli(["devices", ...argv, ...flags.map(([flag, value]) => `--${flag}=${value}`)]);
}

/** A process that accepts connections and never answers. */
function brokenKubelet(): Promise<void> {
  kubelet = createServer((connection) => connection.destroy());
  return new Promise((resolve) => kubelet?.listen(socket(), resolve));
}

/** How a removal ends that no check rejects: at the module, which has no such call. */
const REMOVAL_TRIED = /^video-device-plugin: video1\d can't be removed: only v4l2loopback 0\.13/;

describe("a device that is no running plugin's", () => {
  test("is changed where there is no kubelet", async () => {
    expect((await devices("remove", "video10")).err).toMatch(REMOVAL_TRIED);
  });

  test("is left alone while the kubelet doesn't say which pod has it, unless forced", async () => {
    await brokenKubelet();
    for (const change of ["remove", "reset", "repair"]) {
      const { code, err } = await devices(change, "video10");
      expect(code).toBe(1);
      expect(err).toStartWith(
        `video-device-plugin: It is not known whether video10 is in use: the kubelet doesn't say which pod owns it (${socket()}: `,
      );
      expect(err).toEndWith("If you know that it is free, use --force.\n");
    }
    expect((await devices("remove", "video10", "--force")).err).toMatch(REMOVAL_TRIED);
  });

  test("is changed while a plugin runs that has others", async () => {
    admin.start();
    expect((await devices("remove", "video10")).err).toMatch(REMOVAL_TRIED);
  });
});

describe("a device of the running plugin", () => {
  beforeEach(() => admin.start());

  test.each([
    ["reset", "was reset"],
    ["repair", "was repaired"],
  ])("is changed by it: %s", async (change, done) => {
    expect(await devices(change, "video11")).toEqual({
      code: 0,
      out: `video11 ${done} by the running plugin.\n`,
      err: "",
    });
    await devices(change, "video11", "--force");
    expect(admin.calls).toEqual([`${change} video11`, `${change} video11 force`]);
  });

  test("is left alone if the plugin says so", async () => {
    admin.status = statusOf([device(11, { use: Use.IN_USE })]);
    const { code, err } = await devices("reset", "video11");
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining("video11 is in use"),
    });
  });

  test("is not removed, as that would be for nothing", async () => {
    expect(await devices("remove", "video11")).toEqual({
      code: 1,
      out: "",
      err: `video-device-plugin: video11 belongs to the running plugin, which would recreate it at once.
To take it out of the offer: video-device-plugin cordon video11. To have fewer devices, set MAX_DEVICES. To remove it all the same, use --force.
`,
    });
    expect((await devices("remove", "video11", "--force")).err).toMatch(REMOVAL_TRIED);
  });

  test("of a plugin that only inspects is checked by what that plugin knows", async () => {
    admin.cares = false;
    admin.status = statusOf([device(11, { use: Use.UNSPECIFIED })]);
    expect((await devices("reset", "video11")).err).toContain(
      "It is not known whether video11 is in use: the running plugin doesn't know whether a pod owns it.",
    );
    admin.status = statusOf([device(11, { use: Use.IN_USE })]);
    expect((await devices("reset", "video11")).err).toContain(
      "video11 is in use: the running plugin has allocated it to a pod.",
    );
  });
});

test("a plugin that listens and doesn't answer keeps devices from being changed", async () => {
  const deaf = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve) => deaf.listen(admin.socket, resolve));
  try {
    const { code, err } = await devices("remove", "video10");
    expect(code).toBe(1);
    expect(err).toContain("closed the connection before it had answered.");
    expect((await devices("remove", "video10", "--force")).err).toMatch(REMOVAL_TRIED);
  } finally {
    deaf.close();
  }
});

test("a list says that the devices of pods are unknown", async () => {
  await brokenKubelet();
  const { code, out, err } = await devices("list", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toHaveLength(2);
  expect(err).toStartWith(`The devices of pods are unknown: ${socket()}: `);
});
