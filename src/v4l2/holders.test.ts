import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeDevice } from "../linux/device-number.ts";
import { describeHolders, findHolders, findOtherHolders } from "./holders.ts";

const work = mkdtempSync(join(tmpdir(), "holders-"));
afterAll(() => rmSync(work, { recursive: true }));

const full = decodeDevice(statSync("/dev/full").rdev);

test("a process that holds a device open is found by the device's number", () => {
  const fd = openSync("/dev/full", "r");
  try {
    const holders = findHolders([full]).get("1:7") ?? [];
    expect(holders.map(({ pid }) => pid)).toContain(process.pid);
    expect(describeHolders(holders)).toContain(`(process ${process.pid})`);
  } finally {
    closeSync(fd);
  }
});

test("a process that has closed it is not", () => {
  const holders = findHolders([full]).get("1:7") ?? [];
  expect(holders.map(({ pid }) => pid)).not.toContain(process.pid);
});

test("a process that can't be inspected, or whose files are closed, is left out", () => {
  mkdirSync(join(work, "12/fd"), { recursive: true });
  symlinkSync("/nowhere", join(work, "12/fd/0"));
  symlinkSync("socket:[1]", join(work, "12/fd/1"));
  symlinkSync("/dev/full", join(work, "12/fd/2"));
  mkdirSync(join(work, "13"));
  mkdirSync(join(work, "self"));
  expect([...findHolders([full, { major: 81, minor: 0 }], work)]).toEqual([
    ["1:7", [{ pid: 12, command: "a process that ended" }]],
    ["81:0", []],
  ]);
});

test("no holders are described by an empty text", () => {
  expect(describeHolders([])).toBe("");
});

test("the holders of devices are found piece by piece, without this process", async () => {
  const fd = openSync("/dev/full", "r");
  const other = Bun.spawn(["sleep", "60"], { stdin: Bun.file("/dev/full") });
  try {
    const found = await findOtherHolders([full, { major: 81, minor: 0 }]);
    expect([...found.keys()]).toEqual(["1:7", "81:0"]);
    const holders = found.get("1:7") ?? [];
    expect(holders).toContainEqual({ pid: other.pid, command: "sleep" });
    expect(holders.map(({ pid }) => pid)).not.toContain(process.pid);
  } finally {
    closeSync(fd);
    other.kill();
  }
});
