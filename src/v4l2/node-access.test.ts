import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyNodeAccess } from "./node-access.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "access-"));
  path = join(dir, "video10");
  writeFileSync(path, "", { mode: 0o600 });
});
afterEach(() => rmSync(dir, { recursive: true }));

test("mode and group are set once, and then left alone", () => {
  const access = { mode: 0o660, group: process.getgid?.() };
  expect(applyNodeAccess(path, access)).toBe(true);
  const { mode, ctimeMs } = statSync(path);
  expect(mode & 0o7777).toBe(0o660);
  expect(applyNodeAccess(path, access)).toBe(false);
  expect(statSync(path).ctimeMs).toBe(ctimeMs);
});

test("without a group the group stays as it is", () => {
  const { gid } = statSync(path);
  applyNodeAccess(path, { mode: 0o666, group: undefined });
  expect(statSync(path).gid).toBe(gid);
});

test("an error names the node and the mode and group that it should have", () => {
  rmSync(path);
  expect(() => applyNodeAccess(path, { mode: 0o60, group: 44 })).toThrow(
    expect.objectContaining({
      code: "node_access_failed",
      message: expect.stringContaining(`${path} can't be set to mode 0060 and group 44`),
    }),
  );
});
