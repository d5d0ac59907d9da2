import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { FileLock } from "./file-lock.ts";
import { linuxCalls } from "./linux-calls.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
  path = join(directory, "state", "a.lock");
});
afterEach(() => rmSync(directory, { recursive: true }));

const lock = () => new FileLock(path, linuxCalls());

test("one of two has the lock, and the other one after its release", () => {
  const [one, two] = [lock(), lock()];
  expect([one.tryLock(), two.tryLock()]).toEqual([true, false]);
  expect([one.isHeld, two.isHeld]).toEqual([true, false]);
  one.release();
  expect([two.tryLock(), one.tryLock()]).toEqual([true, false]);
  for (const each of [one, two]) each.release();
});

test("the file is root's alone", () => {
  const one = lock();
  one.tryLock();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  one.release();
});

test("a note reaches the next holder once, and no one else can write one", () => {
  const [one, two] = [lock(), lock()];
  one.tryLock();
  two.leaveNote("not the holder");
  one.leaveNote("a long first note");
  one.leaveNote("clean: all");
  one.release();
  two.tryLock();
  expect(two.takeNote()).toBe("clean: all");
  expect(two.takeNote()).toBe("");
  expect(readFileSync(path, "utf8")).toBe("");
  two.release();
});

test("the kernel releases the lock of a process that is killed", async () => {
  const [linux, file] = ["linux-calls.ts", "file-lock.ts"].map((name) =>
    join(import.meta.dir, name),
  );
  const script = `
    import { linuxCalls } from ${JSON.stringify(linux)};
    import { FileLock } from ${JSON.stringify(file)};
    console.log(new FileLock(${JSON.stringify(path)}, linuxCalls()).tryLock());
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const next = lock();
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("true\n");
  expect(next.tryLock()).toBe(false);
  child.kill("SIGKILL");
  await eventually(() => next.tryLock(), "the lock");
  next.release();
});

test("a lock on a file that was replaced is taken on the one that others find", () => {
  const [one, two] = [lock(), lock()];
  one.tryLock();
  expect(two.tryLock()).toBe(false);
  rmSync(path);
  writeFileSync(path, "");
  one.release();
  // On the removed file it would be alone.
  expect([two.tryLock(), two.tryLock()]).toEqual([false, true]);
  expect(lock().tryLock()).toBe(false);
  two.release();
});

test("a directory that can't be made is an error", () => {
  expect(() => new FileLock("/proc/none/a.lock", linuxCalls()).tryLock()).toThrow();
});
