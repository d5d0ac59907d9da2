import type { Clock } from "../../common/clock.ts";
import { type Signal, signalOf, type VideoInput } from "../../v4l2/video-input.ts";
import type { NodeTrouble } from "./ask-nodes.ts";
import type { CameraCatalog, PluggedCamera } from "./camera-catalog.ts";

/** The input that a node has selected; absent if its driver has no inputs. */
export interface InputAnswer {
  readonly input?: VideoInput;
}

/** What came of asking a node for its input. */
export type SignalAnswer = ({ readonly state: "answered" } & InputAnswer) | NodeTrouble;

export interface SignalDeps {
  readonly catalog: Pick<CameraCatalog, "markTrouble">;
  /** Asks these nodes, all free, in a process that may hang. */
  readonly queryInputs: (paths: readonly string[]) => Promise<ReadonlyMap<string, SignalAnswer>>;
  readonly clock: Clock;
}

/** After which time a node is asked again, ms: a source may be turned off at any time; one that refuses does so for long. */
const askAgainMs = { answered: 10_000, otherwise: 100_000 } as const;

/** The inputs of a pool's devices, as the devices answer while they are free. */
export class CameraSignals {
  readonly #deps: SignalDeps;
  /** By what is plugged in, `appearance`. */
  readonly #seen = new Map<string, { readonly input?: VideoInput; readonly againAt: number }>();
  #isAsking = false;

  constructor(deps: SignalDeps) {
    this.#deps = deps;
  }

  /** The last answer of a device; undefined if there is none, or its driver has no inputs. */
  inputOf({ main }: PluggedCamera): VideoInput | undefined {
    return this.#seen.get(main.appearance)?.input;
  }

  /**
   * Asks those of the devices that are due: each once when it was plugged in, and then while it is free. Never rejects.
   *
   * @param cameras All devices of the pool that are plugged in.
   * @param free IDs of those that are known to be free.
   * @returns the devices whose signal is another one than before, or that do not answer.
   */
  async ask(
    cameras: readonly PluggedCamera[],
    free: ReadonlySet<string>,
  ): Promise<readonly PluggedCamera[]> {
    const { clock, queryInputs } = this.#deps;
    this.#forget(cameras);
    const due = cameras.filter(
      (camera) => (free.has(camera.id) || this.#isNew(camera)) && this.#isDue(camera),
    );
    if (this.#isAsking || due.length === 0) return [];
    this.#isAsking = true;
    const answers = await queryInputs(due.map(({ main }) => main.path)).catch(
      () => new Map<string, SignalAnswer>(),
    );
    this.#isAsking = false;
    return due.filter((camera) => {
      const answer = answers.get(camera.main.path);
      const isAnswer = answer?.state === "answered";
      const before = this.inputOf(camera);
      const againMs = isAnswer ? askAgainMs.answered : askAgainMs.otherwise;
      const input = isAnswer ? answer.input : before;
      const seen = { ...(input && { input }), againAt: clock.now() + againMs };
      this.#seen.set(camera.main.appearance, seen);
      if (answer !== undefined && isGone(answer)) {
        this.#deps.catalog.markTrouble(camera, answer);
        return true;
      }
      return signalIn(before) !== signalIn(input);
    });
  }

  /** True if it was plugged in, and asked what it is, a moment ago. */
  #isNew({ main }: PluggedCamera): boolean {
    return main.state === "ok" && !this.#seen.has(main.appearance);
  }

  /** The kernel's driver of USB cameras sets no status (drivers/media/usb/uvc/uvc_v4l2.c), and up to Linux 6.15 an open wakes one. */
  #isDue({ main, isKnown, isAmbiguous }: PluggedCamera): boolean {
    const isAsked = main.kind === "camera" && main.driver !== "uvcvideo";
    const isWell = main.state !== "stuck" && main.state !== "refused";
    const againAt = this.#seen.get(main.appearance)?.againAt ?? Number.NEGATIVE_INFINITY;
    return isAsked && isWell && isKnown && !isAmbiguous && this.#deps.clock.now() >= againAt;
  }

  #forget(cameras: readonly PluggedCamera[]): void {
    const present = new Set(cameras.map(({ main }) => main.appearance));
    for (const appearance of this.#seen.keys()) {
      if (!present.has(appearance)) this.#seen.delete(appearance);
    }
  }
}

/** The signal of an input; undefined without one. */
export function signalIn(input: VideoInput | undefined): Signal | undefined {
  return input && signalOf(input);
}

function isGone(answer: SignalAnswer): answer is NodeTrouble {
  if (answer.state === "answered") return false;
  return answer.state === "stuck" || answer.errno === "ENODEV" || answer.errno === "ENXIO";
}
