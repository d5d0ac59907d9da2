import type { RelayReport } from "../../src/drivers/driver.ts";
import type { Relay, RelayEvent, RelayedPair } from "../../src/drivers/loopback/ready/relay.ts";

/** A relay that copies nothing, and says what a test lets it say. */
export class FakeRelay implements Relay {
  readonly pairs = new Map<string, RelayedPair>();
  /** Placeholders that replaced others, by device ID. */
  readonly placeholders = new Map<string, Uint8Array>();
  readonly onEvent: (event: RelayEvent) => void;
  isClosed = false;
  isRunning = true;

  constructor(onEvent: (event: RelayEvent) => void) {
    this.onEvent = onEvent;
  }

  start(): void {}

  add(pair: RelayedPair): void {
    this.pairs.set(pair.id, pair);
  }

  async remove(id: string): Promise<void> {
    this.pairs.delete(id);
  }

  setPlaceholder(id: string, frame: Uint8Array): void {
    this.placeholders.set(id, frame);
  }

  report(): RelayReport {
    const counts = { applicationFrames: 7, placeholderFrames: 3, droppedFrames: 0 };
    const times = { relaySeconds: 0.5, maxRelaySeconds: 0.1 };
    const { isRunning } = this;
    const camera = { picture: "placeholder" as const, ...counts, ...times, problem: "" };
    const cameras = new Map([...this.pairs.keys()].map((id) => [id, camera]));
    return { isRunning, restarts: 0, cpuSeconds: 1, cameras };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
