import type { Stage } from "../../kernel/driver/stage.ts";
import type { Row } from "../measure.ts";
import { pluggedCameras } from "./camera-measures.ts";
import { creation, inspection, reset } from "./driver-measures.ts";
import { losses } from "./loss-measures.ts";
import { relaying } from "./relay-measures.ts";
import { resets } from "./reset-measures.ts";

/** Something that can be asked for by name, in the VM. Each begins with a stage that others may have used. */
export interface KernelMeasure {
  /** As in `--only`. */
  readonly name: string;
  run(stage: Stage, rounds: number): Promise<Row[]>;
}

/** All measures, in their order. */
export const kernelMeasures: readonly KernelMeasure[] = [
  {
    name: "create",
    run: (stage, rounds) => each(countsOf(stage), (count) => creation(stage, count, rounds)),
  },
  {
    name: "reset",
    run: async (stage, rounds) => [
      ...(await reset(stage, rounds * 4)),
      ...(await resets(stage, rounds)),
    ],
  },
  {
    name: "inspect",
    run: (stage, rounds) => {
      const counts = countsOf(stage).filter((count) => count !== 64);
      return each(counts, (count) => inspection(stage, count, rounds * 4));
    },
  },
  { name: "relay", run: relaying },
  { name: "losses", run: (stage, rounds) => losses(stage, rounds * 4) },
  // Last: the modules of USB cameras stay.
  { name: "cameras", run: (stage, rounds) => pluggedCameras(stage, rounds * 4) },
];

/** Without a control device the module has no more than 8 devices. */
function countsOf({ isDynamic }: Stage): readonly number[] {
  return isDynamic ? [8, 64, 240] : [8];
}

async function each(
  counts: readonly number[],
  measure: (count: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of counts) rows.push(...(await measure(count)));
  return rows;
}
