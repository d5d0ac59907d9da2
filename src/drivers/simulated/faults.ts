import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Faults that can be set from outside, by a file `<id>.<fault>` in the faults directory whose text is the sentence to
 * fail with.
 * - `sick`: the device exists and does not work.
 * - `create-fails`: its node can't be created.
 * - `reset-fails`: it can't be reset.
 * - `dead-caps`: the device is neither capture nor output, until it is repaired or reset.
 * - `stuck-writer`: it has a writer's mark although no process has it open, until it is reset.
 * - `dirty`: its last user left something, which does not show, and which a reset removes.
 * - `held`: a process has it open, so it is busy. The text may name it: `pipewire (process 812)`.
 * - `numbered`: no failure: the kernel has given it this device number: `81:0`. Without it the device has none of its own.
 * - `streaming`: no failure: a process has it open and streams, and the text is the format: `YUYV 640x480 30 fps`.
 * - `wrong-size`: the application writes frames to a ready camera's feed that it can't show. The text says which.
 * - `stopped`, of the ID `relay`: the relay of all ready cameras does not run.
 */
export type Fault =
  | "sick"
  | "create-fails"
  | "reset-fails"
  | "dead-caps"
  | "stuck-writer"
  | "dirty"
  | "held"
  | "numbered"
  | "streaming"
  | "wrong-size"
  | "stopped";

/** Directory of the fault files, inside the directory of the device nodes. */
export const faultsDirectory = ".faults";

/** Reads the faults that are set; nothing is cached, so removing the file ends the fault. */
export class Faults {
  readonly directory: string;

  constructor(simulatedDir: string) {
    this.directory = join(simulatedDir, faultsDirectory);
  }

  /** The sentence of a fault; undefined if it isn't set. */
  find(id: string, fault: Fault): string | undefined {
    const name = `${id}.${fault}`;
    try {
      const text = readFileSync(join(this.directory, name), "utf8").trim();
      return text === "" ? `The fault ${name} is set.` : text;
    } catch {
      return undefined;
    }
  }

  /** True if a fault is set; many times as fast as {@link find} where it isn't. */
  isSet(id: string, fault: Fault): boolean {
    return existsSync(join(this.directory, `${id}.${fault}`));
  }

  /** Ends faults, if they are set. */
  end(id: string, ...faults: readonly Fault[]): void {
    for (const fault of faults) rmSync(join(this.directory, `${id}.${fault}`), { force: true });
  }
}
