import { closeSync } from "node:fs";
import type { Clock } from "../common/clock.ts";
import { coalesceMs } from "../common/watch-directory.ts";

/** What the kernel says of a change: `add@/devices/virtual/video4linux/video10`. */
export interface Uevent {
  /** `add`, `remove`, `change`, … (lib/kobject_uevent.c, `kobject_actions`). */
  readonly action: string;
  /** Below /sys. */
  readonly path: string;
}

/** Uevents as the kernel sends them, until it is closed or fails. */
export interface UeventSource {
  readonly chunks: ReadableStream<Uint8Array>;
  close(): void;
}

/** How long, in ms, until the source is opened anew after it failed (ENOBUFS: more came than was read). */
export const reopenMs = 1000;

/** Reads a socket of {@link LinuxCalls.openUevents}; Bun waits for it with epoll. */
export function ueventSource(fd: number): UeventSource {
  return {
    chunks: Bun.file(fd).stream(),
    close: () => {
      try {
        closeSync(fd);
      } catch {
        // EBADF: a stream that failed may have closed it.
      }
    },
  };
}

/** Several messages may be in one chunk; each is a headline, then lines of KEY=VALUE, a NUL after each. */
export function parseUevents(chunk: Uint8Array): Uevent[] {
  return new TextDecoder()
    .decode(chunk)
    .split("\0")
    .flatMap((line) => {
      const [, action, path] = /^([a-z]+)@(\/.*)$/.exec(line) ?? [];
      return action !== undefined && path !== undefined ? [{ action, path }] : [];
    });
}

export interface UeventWatch {
  open(): UeventSource;
  matches(event: Uevent): boolean;
  notify(): void;
  /** It can't be opened: the watch is over. */
  onUnavailable(reason: unknown): void;
  readonly clock: Clock;
}

/**
 * Nudges after events that match, until `signal` aborts. When the source fails, what was lost may have been
 * anything: that is a notify too, and it is opened anew.
 */
export async function watchUevents(watch: UeventWatch, signal: AbortSignal): Promise<void> {
  const { clock } = watch;
  let pending: ReturnType<typeof setTimeout> | undefined;
  const nudgeSoon = () => {
    pending ??= setTimeout(() => {
      pending = undefined;
      watch.notify();
    }, coalesceMs);
  };
  while (!signal.aborted) {
    let source: UeventSource;
    try {
      source = watch.open();
    } catch (reason) {
      watch.onUnavailable(reason);
      break;
    }
    await readAll(source, signal, (chunk) => {
      if (parseUevents(chunk).some(watch.matches)) nudgeSoon();
    });
    if (signal.aborted) break;
    nudgeSoon();
    await clock.sleep(reopenMs, signal);
  }
  clearTimeout(pending);
}

/** To the end, a failure or `signal`'s abort; closes the source. */
async function readAll(
  source: UeventSource,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  const reader = source.chunks.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      take(value);
    }
  } catch {
    // ENOBUFS, or whatever else: whoever waits looks for himself.
  } finally {
    signal.removeEventListener("abort", stop);
    source.close();
  }
}
