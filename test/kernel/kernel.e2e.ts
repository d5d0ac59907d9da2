import { afterAll, beforeAll, describe } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import usingPage from "../../docs/using.md" with { type: "text" };
import { snippet } from "../support/snippet.ts";
import { startEach } from "../support/start-each.ts";
import { availableVms } from "./available-vms.ts";
import { builtPlugin, compileGo, compileGuest } from "./compile.ts";
import { type ArchiveFile, filesUnder } from "./cpio.ts";
import { type Machine, machines, tables } from "./machines.ts";
import { codecDirectory, type Suite } from "./suite.ts";
import { kernelOf, runVm, type VmRun } from "./vm.ts";

/**
 * The plugin and its driver on real kernels with the real v4l2loopback. Each machine is booted once, two at a time, and
 * plays its suites one after the other. At the end tables of how it went. Run with
 * `bun test ./test/kernel/kernel.e2e.ts`.
 */
const all = machines();
const played = all.filter(({ suites }) => suites.length > 0);
const directory = await availableVms([
  ...new Set(played.flatMap(({ moduleVersion: version }) => (version === "none" ? [] : version))),
  ...(played.some(hasCodecs) ? (["codecs"] as const) : []),
]);

/** For all machines before one, and itself: five to ten minutes each, four times that on a busy one. */
const limitMs = 7_200_000;

describe.skipIf(directory === undefined)("on a real kernel", () => {
  const work = mkdtempSync(join(tmpdir(), "kernel-tests-"));
  const guest = join(work, "guest");
  const goWriter = join(work, "go-writer");
  let runs: readonly Promise<VmRun>[] = [];
  beforeAll(() => {
    const plugin = builtPlugin();
    compileGuest(join(import.meta.dir, "guest.ts"), guest);
    if (played.some(hasPrograms)) compileGo(snippet(usingPage, "camera.go"), goWriter);
    runs = startEach(
      played.map((machine) => () => boot(machine, { guest, plugin })),
      2,
    );
  }, limitMs);
  afterAll(() => {
    rmSync(work, { recursive: true });
    for (const table of tables.map(String)) if (table !== "") console.log(`${table}\n`);
  });

  for (const machine of all) {
    describe(machine.title, () => {
      let run: VmRun | undefined;
      beforeAll(async () => {
        run = await runs[played.indexOf(machine)];
      }, limitMs);
      const tests = ({ name, tests }: Suite) =>
        tests(() => {
          if (run === undefined) throw new Error("the VM was not started");
          return run.resultOf(name);
        });
      for (const suite of machine.suites) describe(suite.name, () => tests(suite));
      for (const suite of machine.leftOut) describe.skip(suite.name, () => tests(suite));
    });
  }

  async function boot(
    machine: Machine,
    { guest, plugin }: { guest: string; plugin: string },
  ): Promise<VmRun> {
    const programs = hasPrograms(machine)
      ? [
          ...filesUnder(join(directory ?? "", "programs"), "/"),
          ["/usr/bin/go-writer", { from: goWriter }] as const,
        ]
      : [];
    const files = {
      "/usr/bin/guest": { from: guest },
      "/usr/bin/video-device-plugin": { from: plugin },
      ...Object.fromEntries(programs),
      ...(hasCodecs(machine) ? codecFiles(machine) : {}),
    };
    const run = await runVm({ ...machine, directory: directory ?? "", files }, machine.suites);
    const up = `${machine.title}: up after ${run.bootSeconds} s, all in ${run.totalSeconds.toFixed(1)} s`;
    console.log(
      [up, ...machine.suites.map(({ name }) => `  ${name}: ${secondsOf(run, name)}`)].join("\n"),
    );
    return run;
  }
});

function hasCodecs({ suites }: Machine): boolean {
  return suites.some(({ needsCodecs }) => needsCodecs);
}

function codecFiles({ moduleVersion }: Machine): Record<string, ArchiveFile> {
  const from = join(directory ?? "", kernelOf(moduleVersion), "codecs");
  return Object.fromEntries(
    readdirSync(from).map((name) => [join(codecDirectory, name), { from: join(from, name) }]),
  );
}

function hasPrograms({ suites }: Machine): boolean {
  return suites.some(({ needsPrograms }) => needsPrograms);
}

function secondsOf(run: VmRun, suite: string): string {
  try {
    return `${run.resultOf(suite).seconds.toFixed(1)} s`;
  } catch {
    return "did not come to its end";
  }
}
