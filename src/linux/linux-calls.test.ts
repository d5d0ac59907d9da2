import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeDevice } from "./device-number.ts";
import { ErrnoError } from "./errno-error.ts";
import { linuxCalls, withFile } from "./linux-calls.ts";

const asRoot = process.getuid?.() === 0;
const dir = mkdtempSync(join(tmpdir(), "linux-calls-"));
afterAll(() => rmSync(dir, { recursive: true }));

function failure(run: () => unknown): ErrnoError {
  try {
    run();
  } catch (error) {
    if (error instanceof ErrnoError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** VIDIOC_QUERYCAP: bit 31 is set, so it must not be passed as a signed 32-bit number. */
const QUERYCAP = 0x80685600;

describe("linux calls", () => {
  test("an ioctl with a buffer reaches the kernel and names its errno", () => {
    const error = withFile("/dev/null", (fd) =>
      failure(() => linuxCalls().ioctl(fd, QUERYCAP, new Uint8Array(104))),
    );
    expect(error).toMatchObject({ errno: 25, errnoName: "ENOTTY", syscall: "ioctl" });
  });

  test("an ioctl with a value reaches the kernel and names its errno", () => {
    const fd = openSync("/dev/null", "r");
    closeSync(fd);
    expect(failure(() => linuxCalls().ioctl(fd, QUERYCAP, -1)).errnoName).toBe("EBADF");
  });

  test("an ioctl's answer is written into the buffer", () => {
    // TIOCGWINSZ on a file that is no terminal would fail; FIONREAD (0x541B) works on a plain file.
    const path = join(dir, "five-bytes");
    writeFileSync(path, "12345");
    const answer = new Uint8Array(4);
    withFile(path, (fd) => linuxCalls().ioctl(fd, 0x541bn, answer));
    expect(new DataView(answer.buffer).getInt32(0, true)).toBe(5);
  });

  test("errno is right in every one of many calls with garbage made between them", () => {
    const calls = linuxCalls();
    const names = new Set<string>();
    withFile("/dev/null", (fd) => {
      for (let i = 0; i < 20_000; i++) {
        const error = failure(() => calls.ioctl(fd, QUERYCAP, new Uint8Array(104)));
        names.add(error.errnoName);
      }
    });
    expect([...names]).toEqual(["ENOTTY"]);
  });

  test("a file that is no module is refused with a named errno", () => {
    const path = join(dir, "garbage.ko");
    writeFileSync(path, "this is no module");
    const error = failure(() => linuxCalls().finitModule(path, "a=1", 0));
    expect(error.syscall).toBe("finit_module");
    // ENOSYS: kernels built without CONFIG_MODULES.
    expect(asRoot ? ["ENOEXEC", "EPERM", "ENOSYS"] : ["EPERM", "ENOSYS"]).toContain(
      error.errnoName,
    );
  });

  test("bytes that are no module are refused with a named errno", () => {
    const error = failure(() => linuxCalls().initModule(Buffer.from("garbage"), ""));
    expect(error.syscall).toBe("init_module");
    expect(["ENOEXEC", "EPERM", "ENOSYS"]).toContain(error.errnoName);
  });

  test("a module file that is not there is an open that failed", () => {
    const error = failure(() => linuxCalls().finitModule(join(dir, "absent.ko"), "", 0));
    expect(error).toMatchObject({ errno: 2, errnoName: "ENOENT", syscall: "open" });
  });

  test("unloading a module that isn't there is refused with a named errno", () => {
    const error = failure(() => linuxCalls().deleteModule("no_such_module_here", 0x800));
    expect(["ENOENT", "EPERM", "ENOSYS"]).toContain(error.errnoName);
  });

  test.if(asRoot)("a character device is created with the requested numbers", () => {
    const path = join(dir, "null");
    linuxCalls().makeCharDevice(path, 0o600, { major: 1, minor: 3 });
    const stat = statSync(path);
    expect(stat.isCharacterDevice()).toBe(true);
    expect(decodeDevice(stat.rdev)).toEqual({ major: 1, minor: 3 });
    const again = failure(() => linuxCalls().makeCharDevice(path, 0o600, { major: 1, minor: 3 }));
    expect(again).toMatchObject({ errnoName: "EEXIST", syscall: "mknodat" });
  });

  test("a part of a file is set to zero through a mapping", () => {
    const path = join(dir, "pages");
    writeFileSync(path, Buffer.alloc(3 * 4096, 7));
    const fd = openSync(path, "r+");
    linuxCalls().zeroMapping(fd, 4096, 4096);
    closeSync(fd);
    expect(readFileSync(path).toHex()).toBe(
      Buffer.concat([4096, 4096, 4096].map((n, i) => Buffer.alloc(n, i === 1 ? 0 : 7))).toHex(),
    );
  });

  test("a part of a file is read through a mapping", () => {
    const path = join(dir, "mapped");
    writeFileSync(path, Buffer.concat([1, 2, 3].map((n) => Buffer.alloc(4096, n))));
    const read = () => withFile(path, (fd) => linuxCalls().readMapping(fd, 100, 4096));
    expect(read()).toEqual(new Uint8Array(100).fill(2));
  });

  test("what can't be mapped is refused with a named errno", () => {
    const path = join(dir, "read-only");
    writeFileSync(path, Buffer.alloc(4096));
    const error = failure(() => withFile(path, (fd) => linuxCalls().zeroMapping(fd, 4096, 0)));
    expect(error).toMatchObject({ errnoName: "EACCES", syscall: "mmap" });
  });

  test("text that C would cut short is refused", () => {
    expect(() => linuxCalls().deleteModule("a\0b", 0)).toThrow("NUL");
  });

  test("without a JIT the error says what to allow", () => {
    const script = `
      const { linuxCalls } = await import(${JSON.stringify(join(import.meta.dir, "linux-calls.ts"))});
      const calls = linuxCalls();
      try { calls.deleteModule("x", 0) } catch (error) { console.log(error.code, error.remedy) }`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script], {
      env: { ...process.env, BUN_JSC_useJIT: "0" },
    });
    expect(stdout.toString()).toStartWith("ffi_unavailable Allow executable memory");
  });
});
