import type { Clock } from "../../common/clock.ts";
import type { CameraRelay, RelayReport } from "../driver.ts";
import type { Faults } from "./faults.ts";

/** How simulated ready cameras are. */
export interface SimulatedReady {
  /** Frames a second that a simulated application writes. */
  readonly rate: number;
  readonly placeholderRate: number;
}

/** Seconds that a simulated frame takes: a 1280x720 frame of YU12 takes about as long on a usual machine. */
const frameSeconds = 0.0002;

/** Frames of a camera since its first report; fractions count. */
interface Frames {
  application: number;
  placeholder: number;
  dropped: number;
}

/**
 * A relay that copies nothing. What each camera shows follows from the faults `streaming` and `wrong-size`, and the
 * frames from the time: what a fault says at a report counts since the last report.
 */
export class SimulatedRelay {
  readonly #ids: readonly string[];
  readonly #ready: SimulatedReady;
  readonly #faults: Faults;
  readonly #clock: Clock;
  readonly #frames = new Map<string, Frames>();
  #reportedAt: number;

  constructor(ids: readonly string[], ready: SimulatedReady, faults: Faults, clock: Clock) {
    this.#ids = ids;
    this.#ready = ready;
    this.#faults = faults;
    this.#clock = clock;
    this.#reportedAt = clock.now();
  }

  report(): RelayReport {
    const isRunning = !this.#faults.isSet("relay", "stopped");
    const now = this.#clock.now();
    const seconds = isRunning ? (now - this.#reportedAt) / 1000 : 0;
    this.#reportedAt = now;
    const cameras = new Map(this.#ids.map((id) => [id, this.#camera(id, seconds)]));
    const frames = [...cameras.values()].map(
      ({ applicationFrames, placeholderFrames }) => applicationFrames + placeholderFrames,
    );
    const cpuSeconds = frames.reduce((sum, count) => sum + count, 0) * frameSeconds;
    return { isRunning, restarts: 0, cpuSeconds, cameras };
  }

  #camera(id: string, seconds: number): CameraRelay {
    const problem = this.#faults.find(id, "wrong-size") ?? "";
    const isApplication = problem === "" && this.#faults.isSet(id, "streaming");
    const frames = this.#frames.get(id) ?? { application: 0, placeholder: 0, dropped: 0 };
    const { rate, placeholderRate } = this.#ready;
    if (isApplication) frames.application += seconds * rate;
    else frames.placeholder += seconds * placeholderRate;
    if (problem !== "") frames.dropped += seconds * rate;
    this.#frames.set(id, frames);
    const applicationFrames = Math.floor(frames.application);
    return {
      picture: isApplication ? "application" : "placeholder",
      applicationFrames,
      placeholderFrames: Math.floor(frames.placeholder),
      droppedFrames: Math.floor(frames.dropped),
      relaySeconds: applicationFrames * frameSeconds,
      maxRelaySeconds: applicationFrames > 0 ? frameSeconds : 0,
      problem,
    };
  }
}
