import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableVms } from "./available-vms.ts";
import { builtPlugin, compileGuest } from "./compile.ts";
import { type GuestResult, parseGuestResults } from "./guest-result.ts";
import { MODULE_VERSIONS, requestedVersions } from "./provision.ts";
import { ResultsTable } from "./results-table.ts";
import { type Play, plays } from "./stories/stories.ts";
import { bootVm, failures } from "./vm.ts";

/**
 * The compiled plugin on real kernels with the real v4l2loopback, and a kubelet beside it: each VM is a
 * node on which one story is played, and each check of it is a test here. At the end a table of how it went.
 * Run with `bun test ./test/kernel/kernel.e2e.ts`.
 */
const versions = requestedVersions(MODULE_VERSIONS);
const directory = await availableVms(versions);
const work = mkdtempSync(join(tmpdir(), "vm-stories-"));
afterAll(() => rmSync(work, { recursive: true }));

/** Half a minute on an idle machine; what hangs ends here. */
const VM_SECONDS = 600;
const VM_TEST_MS = (VM_SECONDS + 120) * 1000;

describe.skipIf(directory === undefined)("the plugin on a real kernel", () => {
  const guest = join(work, "guest");
  let plugin = "";
  const table = new ResultsTable([], versions);
  afterAll(() => console.log(String(table)));
  beforeAll(() => {
    plugin = builtPlugin();
    compileGuest(join(import.meta.dir, "stories/guest.ts"), guest);
  }, VM_TEST_MS);

  for (const play of plays(versions)) {
    describe(play.title, () => {
      let results: readonly GuestResult[] = [];
      let ending = "the VM did not start";
      beforeAll(async () => {
        ({ results, ending } = await perform(play, { guest, plugin }));
        if (play.moduleVersion === "none") return;
        for (const { name, error } of results) {
          table.add(play.moduleVersion, name, error === undefined ? "yes" : "**no**");
        }
      }, VM_TEST_MS);

      for (const { name } of play.story) {
        test(name, () => {
          const result = results.find((one) => one.name === name);
          if (result === undefined) throw new Error("the story did not get that far");
          if (result.error !== undefined) throw new Error(result.error);
        });
      }

      test("nothing is written to stderr, and the kernel has no complaint", () => {
        expect(ending).toBe("");
      });
    });
  }
});

async function perform(
  { title, moduleVersion, story }: Play,
  { guest, plugin }: { guest: string; plugin: string },
): Promise<{ results: GuestResult[]; ending: string }> {
  const result = await bootVm({
    directory: directory ?? "",
    moduleVersion,
    files: { "/usr/bin/guest": { from: guest }, "/usr/bin/video-device-plugin": { from: plugin } },
    timeoutSeconds: VM_SECONDS,
    script: `
VDP_MODULE_VERSIONS=${versions.join(",")} guest '${title}' >/log/story 2>/log/story-stderr
check "the story ends well" [ $? = 0 ]
check "nothing is written to stderr" sh -c '! cat /log/*-stderr | grep .'
check "the kernel has no complaint" sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
`,
  });
  const results = parseGuestResults(result.files["story"] ?? "");
  const seconds = results.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  console.log(
    `${title}: ${results.length} of ${story.length} checks in ${seconds.toFixed(1)} s, all in ${result.totalSeconds.toFixed(1)} s`,
  );
  const failed = failures(result);
  if (failed === "") return { results, ending: "" };
  const logs = Object.entries(result.files).filter(([name]) => name.startsWith("plugin"));
  const tails = logs.map(([name, text]) => `--- ${name} ---\n${text.slice(-4000)}`);
  return { results, ending: [failed, ...tails].join("\n") };
}
