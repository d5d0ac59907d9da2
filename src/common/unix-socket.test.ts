import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity } from "./unix-socket.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "socket-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a file keeps its identity while it is written to, and an absent one has none", () => {
  const path = join(directory, "file");
  expect(fileIdentity(path)).toBeUndefined();
  writeFileSync(path, "");
  const before = fileIdentity(path);
  writeFileSync(path, "more");
  expect(before).toBeDefined();
  expect(fileIdentity(path)).toBe(before);
});

test("a file that this process can't see has no identity, and that is no error", () => {
  writeFileSync(join(directory, "file"), "");
  // ENOTDIR here, for root too; EACCES in a directory that this process may not enter.
  expect(fileIdentity(join(directory, "file/kubelet.sock"))).toBeUndefined();
});
