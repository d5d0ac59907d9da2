import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { MODULE } from "../module/find-module.ts";

/** max_openers of v4l2loopback.c: how many may have a device open, if nobody says otherwise. */
const DEFAULT_OPENERS = 10;

/**
 * Below this a camera is of no use, for a writer and a reader are two: such a limit was left behind by
 * this program, killed in the middle of something.
 */
const LEAST_OPENERS = 2;

/** What became of a try to limit a device's openers. */
export type Limited =
  /** Done; `lift` sets the limit that was there before. */
  | { readonly outcome: "limited"; lift(): void }
  /** Not done: more than that many have it open. */
  | { readonly outcome: "open" }
  /** Not done, and nothing is known: /sys is read-only here, or the device is gone. */
  | { readonly outcome: "unknown" };

/**
 * The attribute `max_openers` as a fence. The driver refuses (EINVAL) to set it below the number of those
 * who have the device open, and then refuses everybody beyond it (EBUSY): so it tells, without opening
 * the device, whether somebody has it, and keeps it so. The same in every version.
 */
export class MaxOpeners {
  private readonly sysfsDir: string;
  private readonly kernel: Pick<LoopbackKernel, "writeAttribute">;
  /** Devices limited by this object right now. */
  private readonly limited = new Set<number>();

  constructor(sysfsDir: string, kernel: Pick<LoopbackKernel, "writeAttribute">) {
    this.sysfsDir = sysfsDir;
    this.kernel = kernel;
  }

  /** Lets no more than `openers` have the device open. 0 is for those who are about to remove it. */
  limit(number: number, openers: 0 | 1): Limited {
    const before = this.read(number);
    if (before === undefined) return { outcome: "unknown" };
    try {
      this.kernel.writeAttribute(this.path(number), String(openers));
    } catch (error) {
      return { outcome: errnoNameOf(error) === "EINVAL" ? "open" : "unknown" };
    }
    this.limited.add(number);
    return {
      outcome: "limited",
      lift: () => {
        this.limited.delete(number);
        this.write(number, before < LEAST_OPENERS ? this.normal() : before);
      },
    };
  }

  /** Whether somebody has the device open, undefined if that can't be known. */
  isOpen(number: number): boolean | undefined {
    // Nothing of the module's is open at all: no need to keep anybody out, be it for a microsecond.
    if (readNumber(join(this.sysfsDir, "module", MODULE, "refcnt")) === 0) return false;
    const limited = this.limit(number, 0);
    if (limited.outcome === "unknown") return undefined;
    if (limited.outcome === "open") return true;
    limited.lift();
    return false;
  }

  /** Whether a limit of a run that was killed keeps everybody out. */
  isLeftOver(number: number): boolean {
    if (this.limited.has(number)) return false;
    const openers = this.read(number);
    return openers !== undefined && openers < LEAST_OPENERS;
  }

  /** Lifts a limit of a run that was killed. @throws ErrnoError. */
  liftLeftOver(number: number): void {
    this.kernel.writeAttribute(this.path(number), String(this.normal()));
  }

  /** The limit itself; undefined if it isn't a number, or not there. */
  private read(number: number): number | undefined {
    return readNumber(this.path(number));
  }

  private write(number: number, openers: number): void {
    try {
      this.kernel.writeAttribute(this.path(number), String(openers));
    } catch {
      // The device is gone, or the next ensure finds the limit and lifts it.
    }
  }

  private normal(): number {
    const parameter = readNumber(
      join(this.sysfsDir, "module", MODULE, "parameters", "max_openers"),
    );
    return parameter === undefined || parameter < LEAST_OPENERS ? DEFAULT_OPENERS : parameter;
  }

  private path(number: number): string {
    return join(this.sysfsDir, "class", "video4linux", `video${number}`, "max_openers");
  }
}

function readNumber(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^-?\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
