import type { CameraRelay } from "../../driver.ts";

/** Cameras that the counters have room for: v4l2loopback's numbers end below it. */
const maxCameras = 256;

/** Places of a camera's values. */
const field = {
  /** 1 while the camera shows the application's frames, else 0. */
  showsApplication: 0,
  applicationFrames: 1,
  placeholderFrames: 2,
  droppedFrames: 3,
  relaySeconds: 4,
  maxRelaySeconds: 5,
} as const;

const fields = 8;

/**
 * What the relay counts, in memory that the Worker writes and the main thread reads at any time. The counts outlive a
 * Worker, since the next one goes on with the same memory. Only one thread writes a value at a time.
 */
export class RelayCounters {
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#values = new Float64Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((1 + maxCameras) * fields * Float64Array.BYTES_PER_ELEMENT);
  }

  /** Turns of the loop: the relay lives while this grows. */
  get turns(): number {
    return this.#get(0);
  }

  get cpuSeconds(): number {
    return this.#get(1);
  }

  countTurn(): void {
    this.#add(0, 1);
  }

  addCpuSeconds(seconds: number): void {
    this.#add(1, seconds);
  }

  showsApplication(slot: number): boolean {
    return this.#get(place(slot, field.showsApplication)) === 1;
  }

  setShowsApplication(slot: number, shows: boolean): void {
    this.#values[place(slot, field.showsApplication)] = shows ? 1 : 0;
  }

  countApplicationFrame(slot: number, seconds: number): void {
    this.#add(place(slot, field.applicationFrames), 1);
    this.#add(place(slot, field.relaySeconds), seconds);
    const longest = place(slot, field.maxRelaySeconds);
    if (seconds > this.#get(longest)) this.#values[longest] = seconds;
  }

  countPlaceholderFrame(slot: number): void {
    this.#add(place(slot, field.placeholderFrames), 1);
  }

  countDroppedFrame(slot: number): void {
    this.#add(place(slot, field.droppedFrames), 1);
  }

  camera(slot: number): CameraRelay {
    const value = (name: keyof typeof field) => this.#get(place(slot, field[name]));
    return {
      picture: this.showsApplication(slot) ? "application" : "placeholder",
      applicationFrames: value("applicationFrames"),
      placeholderFrames: value("placeholderFrames"),
      droppedFrames: value("droppedFrames"),
      relaySeconds: value("relaySeconds"),
      maxRelaySeconds: value("maxRelaySeconds"),
      problem: "",
    };
  }

  #get(at: number): number {
    return this.#values[at] ?? 0;
  }

  #add(at: number, amount: number): void {
    this.#values[at] = this.#get(at) + amount;
  }
}

function place(slot: number, offset: number): number {
  return (1 + slot) * fields + offset;
}
