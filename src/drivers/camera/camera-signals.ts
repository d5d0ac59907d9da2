import { type Signal, signalOf, type VideoInput } from "../../v4l2/video-input.ts";
import type { NodeTrouble } from "./ask-nodes.ts";
import type { CameraCatalog, PluggedCamera } from "./camera-catalog.ts";
import { NodeAnswers, type NodeAnswersDeps } from "./node-answers.ts";
import type { NodeAnswer } from "./questions.ts";

export interface SignalDeps extends Pick<NodeAnswersDeps<"input">, "clock" | "log"> {
  readonly catalog: Pick<CameraCatalog, "markTrouble">;
  /** Asks these nodes, all free, in a process that may hang. */
  readonly queryInputs: NodeAnswersDeps<"input">["query"];
}

/** A source may be turned off at any time; a node that refuses does so for long. */
const againMs = { answered: 10_000, refused: 100_000, stuck: 100_000, missing: 100_000 };

/** The inputs of a pool's devices, as the devices answer while they are free. */
export class CameraSignals {
  readonly #deps: SignalDeps;
  readonly #answers: NodeAnswers<"input">;

  constructor(deps: SignalDeps) {
    this.#deps = deps;
    this.#answers = new NodeAnswers({ ...deps, againMs, query: deps.queryInputs });
  }

  /** The last answer of a device; undefined if there is none, or its driver has no inputs. */
  inputOf({ main }: PluggedCamera): VideoInput | undefined {
    const answer = this.#answers.of(main);
    return answer?.state === "answered" ? answer.input : undefined;
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
    this.#answers.keepOnly(cameras.map(({ main }) => main));
    // One that is new was asked what it is a moment ago, so it is free.
    const isNew = ({ main }: PluggedCamera) => main.state === "ok" && !this.#answers.has(main);
    const askable = cameras.filter(
      (camera) => (free.has(camera.id) || isNew(camera)) && mayBeAsked(camera),
    );
    const before = new Map(askable.map((camera) => [camera, signalIn(this.inputOf(camera))]));
    const answers = await this.#answers.ask(askable.map(({ main }) => main));
    return askable.filter((camera) => {
      const { path } = camera.main;
      const answer = answers.get(path);
      if (answer === undefined || !isGone(answer)) {
        return answers.has(path) && before.get(camera) !== signalIn(this.inputOf(camera));
      }
      this.#deps.catalog.markTrouble(camera, answer);
      return true;
    });
  }
}

/** The signal of an input; undefined without one. */
export function signalIn(input: VideoInput | undefined): Signal | undefined {
  return input && signalOf(input);
}

/** The kernel's driver of USB cameras sets no status (drivers/media/usb/uvc/uvc_v4l2.c), and up to Linux 6.15 an open wakes one. */
function mayBeAsked({ main, isKnown, isAmbiguous }: PluggedCamera): boolean {
  const hasStatus = main.kind === "camera" && main.driver !== "uvcvideo";
  const isWell = main.state !== "stuck" && main.state !== "refused";
  return hasStatus && isWell && isKnown && !isAmbiguous;
}

function isGone(answer: NodeAnswer<"input">): answer is NodeTrouble {
  if (answer.state === "answered") return false;
  return answer.state === "stuck" || answer.errno === "ENODEV" || answer.errno === "ENXIO";
}
