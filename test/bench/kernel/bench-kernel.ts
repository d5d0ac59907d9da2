/**
 * Measures the driver and the compiled plugin on the real module, in virtual machines:
 * `bun run bench:kernel [--quick] [--json PATH]`. VDP_MODULE_VERSIONS names the module's versions.
 *
 * The machines are emulated, several times slower than a node and at the mercy of what else runs here: the
 * numbers are for comparing builds and versions. Prints a table a version and writes the same as JSON.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { builtPlugin, compileGuest } from "../../kernel/compile.ts";
import { type ModuleVersion, provision, requestedVersions } from "../../kernel/provision.ts";
import { bootVm, failures } from "../../kernel/vm.ts";
import { machineFacts } from "../machine.ts";
import type { Row } from "../measure.ts";
import { renderTable } from "../table.ts";

/** Ten minutes: 240 devices are made several times, on a machine that may be busy. */
const VM_SECONDS = 600;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string", default: join(import.meta.dir, "../../../dist/bench-kernel.json") },
  },
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
check "the measures" sh -c "guest ${moduleVersion} ${values.quick ? 1 : 5} >/log/rows"
value kernel "$(uname -r)"
`,
  });
  const failed = failures(result);
  if (failed !== "") throw new Error(failed);
  const lines = (result.files["rows"] ?? "").trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Row);
  return { module_version: moduleVersion, guest_kernel: result.values["kernel"], rows };
}

try {
  const machine = machineFacts();
  const guest = join(work, "guest");
  compileGuest(join(import.meta.dir, "guest.ts"), guest);
  const plugin = builtPlugin();
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
  mkdirSync(dirname(values.json), { recursive: true });
  const json = { machine, emulated: true, quick: values.quick, results };
  writeFileSync(values.json, `${JSON.stringify(json, undefined, 2)}\n`);
} finally {
  rmSync(work, { recursive: true });
}
