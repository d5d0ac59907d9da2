import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../test/support/cli.ts";

const directory = mkdtempSync(join(tmpdir(), "vdp-config-"));
afterAll(() => rmSync(directory, { recursive: true }));

const head = "apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n";

function file(pools: string): string {
  const path = join(directory, "pools.yaml");
  writeFileSync(path, head + pools);
  return path;
}

describe("config check", () => {
  test("lists the pools of a file that is right", async () => {
    const path = file(`- { name: bots, resource: a.b/bots, loopback: {} }
- { name: one, resource: a.b/one, loopback: { firstNumber: 30, count: 1 }, ready: {} }
- { name: webcams, resource: a.b/webcams, onNodes: [edge-*, lab], devices: { select: [{ kind: any }] } }
`);
    expect(await cli(["config", "check", path])).toEqual({
      code: 0,
      out: `bots: a.b/bots, 8 loopback devices, video10 to video17, on all nodes
one: a.b/one, 1 ready camera, video30, on all nodes
webcams: a.b/webcams, real devices, on edge-*, lab
`,
      err: "",
    });
  });

  test("lists what is wrong with it, with exit code 78", async () => {
    const path = file("- { name: bots, loopback: { count: 0 } }\n");
    expect(await cli(["config", "check", path])).toEqual({
      code: 78,
      out: "",
      err: `${path}:4:3: pools[0].resource: is missing
${path}:4:36: pools[0].loopback.count: got 0, expected a whole number from 1 to 246
See "video-device-plugin config --help".
`,
    });
  });

  test("needs a file that it can read", async () => {
    const missing = join(directory, "none.yaml");
    const { code, err } = await cli(["config", "check", missing]);
    expect(code).toBe(78);
    expect(err).toStartWith(`${missing}: can't be read, expected a config file; ENOENT`);
    expect(err).not.toContain("--config:");
    expect((await cli(["config", "check"])).code).toBe(64);
    expect((await cli(["config", "check", ""])).code).toBe(64);
    expect(await cli(["config"])).toEqual({
      code: 64,
      out: "",
      err: 'COMMAND: is missing, expected check or print\nSee "video-device-plugin config --help".\n',
    });
  });

  test("does not count variables of pools, which the file replaces", async () => {
    const path = file("- { name: bots, resource: a.b/bots, loopback: {} }\n");
    process.env["MAX_DEVICES"] = "4";
    try {
      expect((await cli(["config", "check", path])).code).toBe(0);
      expect((await cli(["config", "print", "--config", path])).err).toStartWith(
        "--max-devices: set by the environment variable MAX_DEVICES, but it belongs to a pool",
      );
    } finally {
      delete process.env["MAX_DEVICES"];
    }
  });
});

test("config print makes a file of options, which config check and config print take", async () => {
  const { code, out } = await cli(["config", "print", "--max-devices=3", "--ready-cameras"]);
  expect(code).toBe(0);
  expect(out).toContain("\n  - name: default\n");
  const path = join(directory, "printed.yaml");
  writeFileSync(path, out);
  expect((await cli(["config", "check", path])).out).toBe(
    "default: meeting-baas.io/video-devices, 3 ready cameras, video10 to video12, on all nodes\n",
  );
  expect((await cli(["config", "print", "--config", path])).out).toBe(out);
  expect((await cli(["config", "print", "--max-devices=0"])).code).toBe(78);
});

test("another word is no command of config", async () => {
  expect(await cli(["config", "chek"])).toMatchObject({
    code: 64,
    err: expect.stringContaining("expected check or print; did you mean check?"),
  });
});
