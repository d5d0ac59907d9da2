/**
 * Measures the compiled program: `bun run bench [--only NAME,…] [--quick] [--json PATH] [--binary PATH]`.
 *
 * Everything runs on real parts of one machine: the executable as a process, unix sockets, an embedded
 * kubelet in this process, simulated devices. Prints a table and writes the same as JSON.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArguments } from "./arguments.ts";
import { machineFacts } from "./machine.ts";
import type { BenchSettings, Row } from "./measure.ts";
import { measures } from "./measures.ts";
import { renderTable } from "./table.ts";

const root = join(import.meta.dir, "..", "..");
const defaults = {
  binary: join(root, "dist", "video-device-plugin"),
  json: join(root, "dist", "bench.json"),
};

function progress(text: string): void {
  console.error(`bench: ${text}`);
}

/** Builds the program if it isn't there; another one than this repository's has to be. */
async function buildIfMissing(binary: string): Promise<void> {
  if (existsSync(binary)) return;
  if (binary !== defaults.binary) throw new Error(`there is no ${binary}`);
  progress("building");
  const build = Bun.spawn([process.execPath, "run", "build"], { cwd: root, stdout: "inherit" });
  if ((await build.exited) !== 0) throw new Error("the build failed");
}

async function main(): Promise<void> {
  const names = measures.map(({ name }) => name);
  const { only, quick, json, binary } = parseArguments(process.argv.slice(2), names, defaults);
  await buildIfMissing(binary);
  const machine = machineFacts();
  const settings: BenchSettings = {
    binary,
    rounds: (full, few) => (quick ? few : full),
    progress,
  };
  const rows: Row[] = [];
  for (const measure of measures.filter(({ name }) => only.includes(name))) {
    progress(measure.name);
    rows.push(...(await measure.run(settings)));
  }
  console.log(
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Bun ${machine.bun}, load ${machine.load_before.toFixed(2)}, ${machine.date}\n`,
  );
  console.log(renderTable(rows));
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ machine, quick, rows }, undefined, 2)}\n`);
}

await main();
process.exit(0);
