import type { Stage } from "./stage.ts";

/** Something that must be so with every version of the module, each in its way. */
export interface Scenario {
  /** A sentence, the same on each version. */
  readonly name: string;
  /** Rejects if it isn't so. May answer with how it is done on this version, for the table. */
  run(stage: Stage): Promise<string | undefined>;
}
