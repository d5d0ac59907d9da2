/**
 * Measures the driver and the compiled plugin on the real module, in virtual machines:
 * `bun run bench:kernel [--only NAME,…] [--quick] [--json PATH] [--binary PATH]`. VDP_MODULE_VERSIONS names the module's
 * versions.
 *
 * The machines are emulated, several times slower than a node and at the mercy of what else runs here: the
 * numbers are for comparing builds and versions. Prints a table a version and writes the same as JSON.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { builtPlugin, compileGuest } from "../../kernel/compile.ts";
import { type ModuleVersion, provision, requestedVersions } from "../../kernel/provision.ts";
import { bootVm, failures } from "../../kernel/vm.ts";
import { parseArguments } from "../arguments.ts";
import { machineFacts } from "../machine.ts";
import type { Row } from "../measure.ts";
import { renderTable } from "../table.ts";
import { kernelMeasures } from "./kernel-measures.ts";

/** Half an hour: 240 devices are made several times, on a machine that may be busy. */
const VM_SECONDS = 1800;

const names = kernelMeasures.map(({ name }) => name);
const { only, quick, json, binary } = parseArguments(process.argv.slice(2), names, {
  json: join(import.meta.dir, "../../../dist/bench-kernel.json"),
  binary: "",
});
const versions = requestedVersions();
const vms = await provision(versions);
if (!vms.available) throw new Error(`no virtual machine can run here: ${vms.reason}`);
const { directory } = vms;
const work = mkdtempSync(join(tmpdir(), "bench-kernel-"));

async function measure(moduleVersion: ModuleVersion, files: { guest: string; plugin: string }) {
  console.error(`bench: v4l2loopback ${moduleVersion}`);
  const result = await bootVm({
    directory,
    moduleVersion,
    files: {
      "/usr/bin/guest": { from: files.guest },
      "/usr/bin/video-device-plugin": { from: files.plugin },
    },
    timeoutSeconds: VM_SECONDS,
    script: `
check "the measures" sh -c "guest ${moduleVersion} ${quick ? 1 : 5} ${only.join(" ")} >/log/rows"
value kernel "$(uname -r)"
`,
  });
  const failed = failures(result);
  const output = result.files["rows"] ?? "";
  if (failed !== "") throw new Error(`${failed}\n--- measured until then ---\n${output}`);
  const lines = output.trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Row);
  return { module_version: moduleVersion, guest_kernel: result.values["kernel"], rows };
}

try {
  const machine = machineFacts();
  const guest = join(work, "guest");
  compileGuest(join(import.meta.dir, "guest.ts"), guest);
  const plugin = binary === "" ? builtPlugin() : binary;
  console.log(
    `Emulated (QEMU TCG, 2 CPUs) on ${machine.cpu}, ${machine.cores} cores, Bun ${machine.bun}, load ${machine.load_before.toFixed(2)}, ${machine.date}`,
  );
  const results = [];
  for (const version of versions) {
    const result = await measure(version, { guest, plugin });
    console.log(
      `\nv4l2loopback ${version}, Linux ${result.guest_kernel}\n\n${renderTable(result.rows)}`,
    );
    results.push(result);
  }
  mkdirSync(dirname(json), { recursive: true });
  const content = { machine, emulated: true, quick, results };
  writeFileSync(json, `${JSON.stringify(content, undefined, 2)}\n`);
} finally {
  rmSync(work, { recursive: true });
}
