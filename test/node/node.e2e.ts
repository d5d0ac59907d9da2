import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failures } from "../kernel/vm.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { startEach } from "../support/start-each.ts";
import { environment } from "./environment.ts";
import { bootNode, type NodeResult } from "./node-vm.ts";
import { checksOf, LIMIT_SECONDS, nameOf, nodeRequest, type Stage, stages } from "./story.ts";

/**
 * The plugin on whole nodes, each a VM that lives through one story (guest/life.sh), whose checks are the tests here.
 * Run `test/node/provision.sh` first, then `bun run test:node` as root.
 */
const found = environment();
const directory = "directory" in found ? found.directory : "";
const skip = skipLevel("reason" in found ? found.reason : undefined, "no node can be booted");

/** What is built before a boot takes another minute or two. */
const TEST_MS = (LIMIT_SECONDS + 300) * 1000;

describe.skipIf(skip)("a node with containerd and a real kubelet", () => {
  const work = mkdtempSync(join(tmpdir(), "node-story-"));
  afterAll(() => rmSync(work, { recursive: true }));

  const all = stages();
  const played = all.filter(({ isLeftOut }) => !isLeftOut);
  let boots: readonly Promise<NodeResult>[] = [];
  /** Two nodes at a time: as much as two CPUs bear. */
  beforeAll(() => {
    boots = startEach(
      played.map((stage) => () => play(stage)),
      2,
    );
    // What is built before the boots may keep this from returning for a while.
  }, TEST_MS);

  async function play(stage: Stage): Promise<NodeResult> {
    return bootNode(await nodeRequest(stage, { directory, work: join(work, nameOf(stage)) }));
  }

  for (const stage of all) {
    describe.skipIf(stage.isLeftOut)(
      `v4l2loopback ${stage.moduleVersion}, the plugin as a ${stage.way}`,
      () => {
        let result: NodeResult | undefined;
        beforeAll(async () => {
          result = await boots[played.indexOf(stage)];
          if (result) report(stage, result);
        }, TEST_MS);

        for (const name of checksOf(stage)) {
          test(name, () => {
            const checks = result?.checks.filter((check) => check.name === name) ?? [];
            if (checks.length === 0) throw new Error("the story did not get that far");
            for (const { passed, detail } of checks) if (!passed) throw new Error(detail);
          });
        }

        test("the story comes to its end", () => {
          expect(result && failures(result)).toBe("");
        });
      },
    );
  }
});

/** What was measured, and everything that was written where something failed. */
function report(stage: Stage, result: NodeResult): void {
  const values = Object.entries(result.values).map(([name, value]) => `  ${name}: ${value}`);
  const seconds = Math.round(result.totalSeconds);
  console.log([`${nameOf(stage)}: ${seconds} s`, ...values].join("\n"));
  if (failures(result) === "") return;
  for (const [name, text] of Object.entries(result.files)) {
    console.log(`--- ${name}\n${text.split("\n").slice(-150).join("\n")}`);
  }
}
