import { closeSync, readSync } from "node:fs";
import { errnoNameOf } from "./errno-error.ts";
import { checked, openLibc } from "./libc.ts";

/** include/uapi/linux/inotify.h; IN_NONBLOCK and IN_CLOEXEC are O_NONBLOCK and O_CLOEXEC. */
const inOpen = 0x20;
const nonBlockCloseOnExec = 0x800 | 0x80000;

/** struct inotify_event for a watch on a file, which has no name: s32 watch, u32 mask, u32 cookie, u32 length. */
const eventBytes = 16;
const mostEvents = 256;

/** The opens of some files, by any process that opens them at the same inode: a node of a container's own is another one. */
export interface OpenWatch extends Disposable {
  /**
   * Paths of the files that were opened since the last call, in that order. The kernel merges opens of one file that
   * follow each other.
   */
  opened(): string[];
}

/** Watches files or device nodes with inotify(7). @throws ErrnoError; PluginError `ffi_unavailable`. */
export function watchOpens(paths: readonly string[]): OpenWatch {
  const libc = openLibc();
  const fd = checked(libc, "inotify_init1", libc.inotifyInit(nonBlockCloseOnExec));
  const byWatch = new Map<number, string>();
  try {
    for (const path of paths) {
      const added = libc.inotifyAddWatch(fd, Buffer.from(`${path}\0`), inOpen);
      byWatch.set(checked(libc, "inotify_add_watch", added), path);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const events = Buffer.alloc(eventBytes * mostEvents);
  return {
    opened() {
      const bytes = readEvents(fd, events);
      const opened: string[] = [];
      for (let at = 0; at < bytes; at += eventBytes) {
        const path = byWatch.get(events.readInt32LE(at));
        if (path !== undefined) opened.push(path);
      }
      return opened;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function readEvents(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into);
  } catch (error) {
    if (errnoNameOf(error) === "EAGAIN") return 0;
    throw error;
  }
}
