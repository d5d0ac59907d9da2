import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../test/support/cli.ts";

test.each([
  [["doctor", "x"], "x: unexpected argument"],
  [["doctor", "--jsn"], "--jsn: unknown option; did you mean --json?"],
  [
    ["doctor", "--max-devices", "many"],
    '--max-devices: got "many" (from the command line), expected',
  ],
])("the doctor refuses arguments as the other tools do: %j", async (argv, message) => {
  const { code, err } = await cli(argv);
  expect(code).toBe(64);
  expect(err).toStartWith(message);
  expect(err).toEndWith('\nSee "video-device-plugin doctor --help".\n');
});

test("with a config file, the doctor examines each of its pools", async () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-doctor-pools-"));
  try {
    const path = join(directory, "pools.yaml");
    writeFileSync(
      path,
      `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: bots, resource: a.b/bots, loopback: { count: 2 } }
  - { name: webcams, resource: a.b/webcams, devices: { select: [{ driver: uvcvideo }] } }
`,
    );
    const places = ["--sysfs-dir", directory, "--device-dir", directory, "--state-dir", directory];
    const { out } = await cli(["doctor", "--json", "--config", path, ...places]);
    const { checks } = JSON.parse(out);
    const pools = checks.map(({ check, pool }: Record<string, string>) => `${check} ${pool}`);
    expect(pools).toEqual(expect.arrayContaining(["devices bots", "devices webcams"]));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
