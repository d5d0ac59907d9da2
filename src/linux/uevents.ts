import { closeSync } from "node:fs";
import type { Clock } from "../common/clock.ts";
import { coalesced } from "../common/notify.ts";

/** A change that the kernel reports: `add@/devices/virtual/video4linux/video10`. */
export interface Uevent {
  /** `add`, `remove`, `change`, … (lib/kobject_uevent.c, `kobject_actions`). */
  readonly action: string;
  /** Below /sys. */
  readonly path: string;
}

/** The kernel's uevents as they come, until it is closed or fails. */
export interface UeventSource {
  readonly chunks: ReadableStream<Uint8Array>;
  close(): void;
}

/** Milliseconds before a source that failed is replaced (ENOBUFS: more came than was read). */
export const reopenMs = 1000;

/** Reads a socket of {@link LinuxCalls.openUevents}; Bun waits for it with epoll. */
export function ueventSource(fd: number): UeventSource {
  return {
    chunks: Bun.file(fd).stream(),
    close: () => {
      try {
        closeSync(fd);
      } catch {
        // EBADF: a stream that failed has closed it.
      }
    },
  };
}

/** A chunk may have several messages; each is a headline, then lines of KEY=VALUE, a NUL after each. */
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
  /** Called if a source can't be opened; that ends the watch. */
  onUnavailable(reason: unknown): void;
  readonly clock: Clock;
}

/**
 * Calls `notify` after events that match, until `signal` aborts. When the source fails, matching events may be lost: it
 * also calls `notify` then, and opens another source.
 */
export async function watchUevents(watch: UeventWatch, signal: AbortSignal): Promise<void> {
  const { clock } = watch;
  const soon = coalesced(() => watch.notify());
  while (!signal.aborted) {
    let source: UeventSource;
    try {
      source = watch.open();
    } catch (reason) {
      watch.onUnavailable(reason);
      break;
    }
    await readAll(source, signal, (chunk) => {
      if (parseUevents(chunk).some(watch.matches)) soon.notify();
    });
    if (signal.aborted) break;
    soon.notify();
    await clock.sleep(reopenMs, signal);
  }
  soon.cancel();
}

/** Reads until the source ends or fails, or `signal` aborts; then closes it. */
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
    // ENOBUFS, or another error: the caller treats it as the end.
  } finally {
    signal.removeEventListener("abort", stop);
    source.close();
  }
}
