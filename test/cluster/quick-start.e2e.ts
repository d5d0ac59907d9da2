import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { names } from "../../deploy/names/names.ts";
import { chartArchive, chartArchiveName } from "../../deploy/release/chart-archive.ts";
import { gitFacts } from "../../deploy/release/git-facts.ts";
import { installManifest } from "../../deploy/release/install-manifest.ts";
import manifest from "../../package.json" with { type: "json" };
import { builtImage } from "../image/built-image.ts";
import { checkout } from "../image/paths.ts";
import { run } from "../image/run.ts";
import { nodeName, runDir } from "../kubelet/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { waitFor } from "../kubelet/wait.ts";
import { explained } from "../support/explained.ts";
import { type CommandBlock, commandBlocks, prints } from "../support/played-blocks.ts";
import { Cluster, registryHost } from "./cluster.ts";
import { unsupported } from "./environment.ts";
import { binaries, binary } from "./paths.ts";

/**
 * The README's quick start, as a reader copies it: the blocks of commands in their order, in a cluster of this machine. What
 * the page shows as printed is compared. Two things stand in for the public registry, which no test needs to reach:
 * containerd has the local registry as a mirror of ghcr.io, and `helm`, which knows no mirrors, is a script that replaces
 * the host of `oci://` addresses and adds `--plain-http`.
 */
const skip = skipLevel(unsupported());

const publicRegistry = "ghcr.io";
const readme = readFileSync(join(checkout, "README.md"), "utf8");
/** An address of the public registry, in the local one. */
const here = (address: string) => address.replace(publicRegistry, registryHost);
/** The reader's directory, and the programs that the reader has. */
const home = join(runDir, "quick-start");
const bin = join(home, "bin");

describe.skipIf(skip)("the README's quick start", () => {
  const cluster = new Cluster();
  let seconds = 0;
  /** What failed, after which a reader would not go on. */
  let failed: string | undefined;

  beforeAll(async () => {
    await cluster.start();
    mkdirSync(bin, { recursive: true });
    symlinkSync(binary("kubectl"), join(bin, "kubectl"));
    writeFileSync(join(bin, "helm"), helmOfReader);
    chmodSync(join(bin, "helm"), 0o755);
    cluster.containerd.mirror(publicRegistry, registryHost);
    await publish();
  }, 600_000);
  afterAll(() => cluster.stop(), 120_000);

  /** Puts image and chart where the release workflow puts them, in the local registry. */
  async function publish(): Promise<void> {
    const { version } = manifest;
    await cluster.pushImage(version, here(names.image));
    const archive = join(home, chartArchiveName);
    writeFileSync(archive, chartArchive(checkout, gitFacts(checkout).tracked, 0, ""));
    await cluster.helm("push", archive, here(names.charts), "--plain-http");
  }

  for (const block of commandBlocks(readme, "quick-start")) {
    const [title = ""] = block.commands.split("\n");
    const name = `line ${block.line}: ${title}`;
    if (block.notPlayed !== undefined) {
      console.log(`not played: ${name}: ${block.notPlayed}`);
      continue;
    }
    test(name, async () => {
      if (failed !== undefined) throw new Error(`not played after ${failed}`);
      failed = name;
      const started = performance.now();
      const printed = await play(block);
      seconds += (performance.now() - started) / 1000;
      const shown = block.prints?.replaceAll("kind-control-plane", nodeName);
      if (shown !== undefined && !prints(shown, printed)) expect(printed).toBe(shown);
      failed = undefined;
      console.log(`${seconds.toFixed(1)} s after the first command:\n${printed}`);
    }, 300_000);
  }

  test("install.yaml of a release starts the plugin, which names the module that this machine lacks", async () => {
    const { digest } = await builtImage();
    const file = join(home, "install.yaml");
    writeFileSync(file, installManifest(checkout, digest));
    await cluster.kubectl.run(["apply", "-f", file]);
    await waitFor("the plugin has named the module", 120_000, async () => {
      const args = ["logs", "-n", "kube-system", "daemonset/video-device-plugin"];
      const log = await cluster.kubectl.run(args);
      return log.includes("v4l2loopback") && log.includes('"error_code"') ? log : undefined;
    });
    await cluster.kubectl.run(["delete", "-f", file, "--wait"]);
  }, 300_000);

  /** @returns what the commands printed. @throws Error with that and the logs, if one of them fails. */
  async function play({ commands }: CommandBlock): Promise<string> {
    // The reader's environment has nothing of this process's.
    const env = { ...cluster.kubectl.env, PATH: `${bin}:${process.env["PATH"]}` };
    const reader = ["env", "-i", ...Object.entries(env).map((pair) => pair.join("="))];
    return explained(
      () => run([...reader, "bash", "-euo", "pipefail", "-c", commands], { cwd: home }),
      async () => {
        const pods = await cluster.kubectl.run(["describe", "pods", "-A"]).catch(String);
        return `${pods}\n${cluster.logs()}`;
      },
    );
  }
});

const helmOfReader = `#!/bin/bash
set -euo pipefail
arguments=("\${@//oci:\\/\\/${publicRegistry}/oci:\\/\\/${registryHost}}")
[[ "\${arguments[*]}" == "$*" ]] || arguments+=(--plain-http)
exec ${join(binaries, "../../manifests/bin/helm")} "\${arguments[@]}"
`;
