import { errnoNameOf } from "./errno-error.ts";
import { checked, type LibcSymbols, openLibc } from "./libc.ts";

/** System calls of a thread that waits for files. They throw as those of `LinuxCalls` do. */
export interface PollCalls {
  /**
   * poll(2): waits until one of the set's files is ready, at most `timeoutMs`. Returns how many are; 0 after the time,
   * and after a signal.
   */
  poll(set: PollSet, timeoutMs: number): number;
  /** eventfd(2): opens a non-blocking counter, which wakes a poll in another thread. The caller closes it. */
  openEventFd(): number;
  /** CPU time of the calling thread, seconds. */
  threadCpuSeconds(): number;
}

/** POLLIN, POLLERR and POLLNVAL of poll(2), include/uapi/asm-generic/poll.h; the last two come unasked. */
export const pollIn = 1;
export const pollErr = 8;
export const pollNval = 32;

/** struct pollfd: s32 fd, s16 events, s16 revents. */
const pollfdBytes = 8;

/** EFD_NONBLOCK | EFD_CLOEXEC, include/linux/eventfd.h. */
const eventFdFlags = 0x800 | 0x80000;

/** CLOCK_THREAD_CPUTIME_ID, include/uapi/linux/time.h */
const threadCpuTimeClock = 3;

/** The files that a poll waits for, all of them until they can be read. */
export class PollSet {
  /** Array of struct pollfd. */
  #bytes = new Uint8Array(16 * pollfdBytes);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Adds a file; -1 keeps its place, and the kernel skips it. Returns its place. */
  add(fd: number): number {
    const at = this.#size * pollfdBytes;
    if (at === this.#bytes.byteLength) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#view.setInt32(at, fd, true);
    this.#view.setInt16(at + 4, pollIn, true);
    this.#view.setInt16(at + 6, 0, true);
    return this.#size++;
  }

  /** The events of the file in a place, after a poll: {@link pollIn} and the others; 0 if there are none. */
  events(place: number): number {
    return this.#view.getInt16(place * pollfdBytes + 6, true);
  }
}

/** The real calls. The first one opens the C library. */
export function pollCalls(): PollCalls {
  let opened: LibcSymbols | undefined;
  const libc = () => {
    opened ??= openLibc();
    return opened;
  };
  const time = new Uint8Array(16);
  const timeView = new DataView(time.buffer);
  return {
    poll(set, timeoutMs) {
      const c = libc();
      try {
        return checked(c, "poll", c.poll(set.bytes, set.size, timeoutMs));
      } catch (error) {
        if (errnoNameOf(error) === "EINTR") return 0;
        throw error;
      }
    },
    openEventFd() {
      const c = libc();
      return checked(c, "eventfd", c.eventfd(0, eventFdFlags));
    },
    threadCpuSeconds() {
      const c = libc();
      checked(c, "clock_gettime", c.clockGettime(threadCpuTimeClock, time));
      return Number(timeView.getBigInt64(0, true)) + Number(timeView.getBigInt64(8, true)) / 1e9;
    },
  };
}
