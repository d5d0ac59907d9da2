import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { manifestToolsDir } from "../../deploy/manifests/helm.ts";
import { kustomizeDir } from "../../deploy/manifests/kustomize-files.ts";
import { skipLevel } from "./tools.ts";

/** The NodeFeatureRule, as NFD 0.18.3 reads and evaluates it (node-feature-rule/main.go). Run `test/manifests/provision.sh` first. */
const program = join(manifestToolsDir(), "bin/node-feature-rule");
const skip = skipLevel(
  existsSync(program) ? undefined : `there is no ${program}; run test/manifests/provision.sh`,
);
const rule = readFileSync(join(kustomizeDir, "module-installer/node-feature-rule.yaml"), "utf8");

/** The labels for a node whose kernel has these modules loaded or built in. */
function labels(...modules: string[]): unknown {
  const { exitCode, stdout, stderr } = Bun.spawnSync([program, ...modules], {
    stdin: new TextEncoder().encode(rule),
  });
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout.toString());
}

describe.skipIf(skip)("the rule for Node Feature Discovery", () => {
  test("labels a node that has v4l2loopback, with the label of the documents' node selector", () => {
    expect(labels("videodev", "v4l2loopback")).toEqual({ "meeting-baas.io/v4l2loopback": "true" });
  });

  test("labels no node without it", () => {
    expect(labels("videodev")).toEqual({});
    expect(labels()).toEqual({});
  });
});
