import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../test/support/cli.ts";

test.each([
  ["v4l2loopback", '"video-device-plugin doctor" shows why.'],
  [
    "simulated",
    'Those of the simulated driver are files in /run/simulated: "video-device-plugin status" shows them.',
  ],
])(
  "a node without video devices, with the driver %s, has a list that says so",
  async (driver, why) => {
    const directory = mkdtempSync(join(tmpdir(), "vdp-devices-"));
    const places = ["device-dir", "sysfs-dir"].map((flag) => `--${flag}=${directory}`);
    const socket = `--pod-resources-socket=${join(directory, "kubelet.sock")}`;
    const argv = ["devices", ...places, socket, `--driver=${driver}`];
    const { code, out } = await cli([...argv, "--simulated-dir=/run/simulated"]);
    expect(out).toBe(`There is no video device. ${why}\n`);
    expect(code).toBe(0);
    rmSync(directory, { recursive: true });
  },
);
