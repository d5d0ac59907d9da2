import { dlopen, ptr } from "bun:ffi";

/** struct utsname (bits/utsname.h): six fields of 65 bytes, sysname and nodename first. */
const UTS_FIELD = 65;

/** For the harness's own test, as a program (guest.ts): does a compiled binary start in the VM, and does FFI work? */
export async function main() {
  const { symbols } = dlopen("libc.so.6", {
    getpid: { args: [], returns: "i32" },
    uname: { args: ["ptr"], returns: "i32" },
  });
  const uts = Buffer.alloc(6 * UTS_FIELD);
  const code = symbols.uname(ptr(uts));
  const nodename = uts.toString("utf8", UTS_FIELD, 2 * UTS_FIELD).split("\0")[0];
  console.log(JSON.stringify({ samePid: symbols.getpid() === process.pid, code, nodename }));
  return 0;
}
