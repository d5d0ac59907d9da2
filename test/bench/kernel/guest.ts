/**
 * The measures on the real module as a program: compiled by `bench-kernel.ts`, run as root in a virtual
 * machine with the plugin beside it. `guest VERSION ROUNDS`; prints a row of JSON a line.
 */
import { mkdirSync } from "node:fs";
import { Stage } from "../../kernel/driver/stage.ts";
import type { ModuleVersion } from "../../kernel/provision.ts";
import type { Row } from "../measure.ts";
import { creation, inspection, reset } from "./driver-measures.ts";
import { losses } from "./loss-measures.ts";
import { relaying } from "./relay-measures.ts";

const [, , version, rounds] = process.argv;
const stage = new Stage(version as ModuleVersion);
const many = Number(rounds);

/** Without a control device the module has no more than 8 devices. */
const counts = stage.isDynamic ? [8, 64, 240] : [8];

function print(rows: readonly Row[]): void {
  for (const row of rows) console.log(JSON.stringify(row));
}

for (const count of counts) print(await creation(stage, count, many));
print(await reset(stage, many * 4));
for (const count of counts.filter((one) => one !== 64))
  print(await inspection(stage, count, many * 4));
print(await relaying(stage, many));
mkdirSync("/var/lib/kubelet", { recursive: true });
print(await losses(stage, many * 4));
process.exit(0);
