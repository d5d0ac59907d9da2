/**
 * The measures on the real module as a program: compiled by `bench-kernel.ts`, run as root in a virtual
 * machine with the plugin beside it. `guest VERSION ROUNDS NAME…`; prints a row of JSON a line.
 */
import { mkdirSync } from "node:fs";
import { Stage } from "../../kernel/driver/stage.ts";
import type { ModuleVersion } from "../../kernel/provision.ts";
import { kernelMeasures } from "./kernel-measures.ts";

const [, , version, rounds, ...names] = process.argv;
const stage = new Stage(version as ModuleVersion);
mkdirSync("/var/lib/kubelet", { recursive: true });
for (const measure of kernelMeasures.filter(({ name }) => names.includes(name))) {
  for (const row of await measure.run(stage, Number(rounds))) console.log(JSON.stringify(row));
}
process.exit(0);
