import { dlopen } from "bun:ffi";
import { closeSync, readSync } from "node:fs";

/** include/uapi/linux/inotify.h; IN_NONBLOCK and IN_CLOEXEC are O_NONBLOCK and O_CLOEXEC. */
const IN_OPEN = 0x20;
const IN_NONBLOCK = 0x800;
const IN_CLOEXEC = 0x80000;

/** Size of a `struct inotify_event` for a watch on a file, which has no name. */
const EVENT_BYTES = 16;

/** Counts the opens of `paths` (files or device nodes) by any process while `run` runs. */
export async function countOpens(
  paths: readonly string[],
  run: () => Promise<unknown>,
): Promise<number> {
  const { symbols } = dlopen("libc.so.6", {
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  });
  const fd = symbols.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) throw new Error("inotify_init1 failed");
  try {
    for (const path of paths) {
      if (symbols.inotify_add_watch(fd, Buffer.from(`${path}\0`), IN_OPEN) < 0) {
        throw new Error(`inotify_add_watch failed for ${path}`);
      }
    }
    await run();
    return countEvents(fd);
  } finally {
    closeSync(fd);
  }
}

/** inotify merges identical events in a row, so the count may be too low, but is never 0 after an open. */
function countEvents(fd: number): number {
  const buffer = Buffer.alloc(EVENT_BYTES * 256);
  try {
    return readSync(fd, buffer) / EVENT_BYTES;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}
