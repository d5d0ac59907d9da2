import { statSync } from "node:fs";
import { type Measure, row } from "../measure.ts";

/** The executable as it is on the disk. */
export const binarySize: Measure = {
  name: "size",
  async run({ binary }) {
    return [row("executable", "MB", [statSync(binary).size / 1e6])];
  },
};
