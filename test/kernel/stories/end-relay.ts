import { dlopen } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";

/** include/uapi/linux/ptrace.h, arch/x86/include/uapi/asm/ptrace-abi.h */
const GETREGS = 12;
const SETREGS = 13;
const ATTACH = 16;
const DETACH = 17;
/** Places in struct user_regs_struct, and its size in bytes. */
const RAX = 10;
const ORIG_RAX = 15;
const REGS_BYTES = 27 * 8;
/** poll(2) of x86_64, and the error of a poll that no retry helps. */
const POLL = "7";
const EINVAL = 22n;
/** __WALL of waitpid(2): threads as well. */
const WALL = 0x40000000;

/**
 * Ends the relay of a running plugin by an error that its Worker does not expect: the poll(2) in which the thread waits
 * returns EINVAL. No signal ends one thread of a process.
 *
 * @throws Error if no thread waits in a poll at this moment.
 */
export function endRelay(pid: number): void {
  const { symbols } = dlopen("libc.so.6", {
    ptrace: { args: ["i64", "i32", "ptr", "ptr"], returns: "i64" },
    waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  });
  const thread = readdirSync(`/proc/${pid}/task`).find((task) => {
    return readFileSync(`/proc/${pid}/task/${task}/syscall`, "utf8").startsWith(`${POLL} `);
  });
  if (thread === undefined) throw new Error("no thread waits in a poll");
  const tid = Number(thread);
  const trace = (request: number, data: Uint8Array | null = null) => {
    if (symbols.ptrace(request, tid, null, data) < 0) throw new Error(`ptrace ${request} failed`);
  };
  trace(ATTACH);
  try {
    if (symbols.waitpid(tid, new Uint8Array(4), WALL) !== tid) throw new Error("waitpid failed");
    const registers = new BigInt64Array(REGS_BYTES / 8);
    const bytes = new Uint8Array(registers.buffer);
    trace(GETREGS, bytes);
    registers[RAX] = -EINVAL;
    // The kernel shall not start the call again.
    registers[ORIG_RAX] = -1n;
    trace(SETREGS, bytes);
  } finally {
    trace(DETACH);
  }
}
