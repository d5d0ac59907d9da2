import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../test/support/cli.ts";

const directory = mkdtempSync(join(tmpdir(), "vdp-run-pools-"));
afterAll(() => rmSync(directory, { recursive: true }));

const file = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools: [{ name: codecs, resource: a.b/codecs, devices: { select: [{ kind: codec }] } }]
`;

test("run ends with exit code 78 on a node for which the file has no pool", async () => {
  const path = join(directory, "pools.yaml");
  writeFileSync(path, file.replace("devices:", "onNodes: [lab-*], devices:"));
  const { code, out, err } = await cli(["run", "--config", path, "--node-name=node-a"]);
  expect({ code, out }).toEqual({ code: 78, out: "" });
  expect(err).toStartWith(
    `${path}: no pool is for the node "node-a", expected one without onNodes or with a name that fits`,
  );
});

test("setup names the pools of ready cameras, which it can't set up", async () => {
  const path = join(directory, "pools.yaml");
  const pools = `
  - { name: bots, resource: a.b/bots, loopback: {} }
  - { name: studio, resource: a.b/studio, loopback: { count: 1, firstNumber: 30 }, ready: {} }`;
  writeFileSync(path, file.replace(/pools: .*/, `pools:${pools}`));
  const { code, out } = await cli(["setup", "--config", path, "--log-format=json"]);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    error_code: "not_supported",
    remedy: "Leave out ready of studio here. The running plugin creates them itself.",
  });
});
