import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * What can be made to fail from outside, by a file `<id>.<fault>` in the faults directory whose text is
 * the sentence to fail with.
 * - `sick`: the device is there and does not work.
 * - `create-fails`: its node can't be made.
 * - `reset-fails`: it can't be reset.
 * - `dead-caps`: the device is neither capture nor output, until it is repaired or reset.
 * - `stuck-writer`: a writer's mark is on it though nobody has it, until it is reset.
 * - `dirty`: its last user left something; nobody sees that, and a reset takes it away.
 * - `held`: somebody has it open, so it is busy.
 * - `streaming`: no failure; somebody has it open and streams, and the text is what: `YUYV 640x480 30 fps`.
 */
export type Fault =
  | "sick"
  | "create-fails"
  | "reset-fails"
  | "dead-caps"
  | "stuck-writer"
  | "dirty"
  | "held"
  | "streaming";

/** Directory of the fault files, inside the directory of the device nodes. */
export const FAULTS_DIRECTORY = ".faults";

/** Reads what was injected; nothing is kept, so removing the file ends the fault. */
export class Faults {
  readonly directory: string;

  constructor(simulatedDir: string) {
    this.directory = join(simulatedDir, FAULTS_DIRECTORY);
  }

  /** The sentence of a fault that is set, undefined for one that isn't. */
  find(id: string, fault: Fault): string | undefined {
    const name = `${id}.${fault}`;
    try {
      const text = readFileSync(join(this.directory, name), "utf8").trim();
      return text === "" ? `The fault ${name} is set.` : text;
    } catch {
      return undefined;
    }
  }
  /** Ends a fault, as far as it was set. */
  mend(id: string, ...faults: readonly Fault[]): void {
    for (const fault of faults) rmSync(join(this.directory, `${id}.${fault}`), { force: true });
  }
}
