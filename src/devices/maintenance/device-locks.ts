import { Mutex } from "../../common/mutex.ts";

/** A lock for each device, which can be seen to be taken. */
export class DeviceLocks {
  readonly #mutexes = new Map<string, Mutex>();
  readonly #taken = new Set<string>();

  /** Whether somebody works on the device right now. */
  taken(id: string): boolean {
    return this.#taken.has(id);
  }

  /** Runs one task a device at a time, in the order asked. */
  run<T>(id: string, task: () => Promise<T>): Promise<T> {
    const mutex = this.#mutexes.get(id) ?? new Mutex();
    this.#mutexes.set(id, mutex);
    return mutex.run(async () => {
      this.#taken.add(id);
      try {
        return await task();
      } finally {
        this.#taken.delete(id);
      }
    });
  }
}
