import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parseModuleInfo, readModuleInfo } from "./module-info.ts";

const work = mkdtempSync(join(tmpdir(), "module-info-"));
afterAll(() => rmSync(work, { recursive: true }));

const image = Buffer.from(
  "\x7fELF\0version=0.15.4\0srcversion=x\0vermagic=6.1.0-44-amd64 SMP preempt\0.text",
);
const info = { version: "0.15.4", builtFor: "6.1.0-44-amd64", signed: false };

test("a module's file says its version and its kernel", () => {
  expect(parseModuleInfo(image)).toEqual(info);
  expect(parseModuleInfo(Buffer.from("\x7fELF\0srcversion=0.1\0"))).toEqual({
    version: undefined,
    builtFor: undefined,
    signed: false,
  });
});

test("a signature is at its end", () => {
  const signed = Buffer.concat([image, Buffer.from("sig~Module signature appended~\n")]);
  expect(parseModuleInfo(signed).signed).toBe(true);
  expect(parseModuleInfo(Buffer.concat([signed, Buffer.from("x")])).signed).toBe(false);
});

test.each([
  ["a.ko", image],
  ["a.ko.gz", gzipSync(image)],
  ["a.ko.zst", zstdCompressSync(image)],
])("%s is read", (name, bytes) => {
  writeFileSync(join(work, name), bytes);
  expect(readModuleInfo(join(work, name))).toEqual(info);
});

test("what can't be read says nothing", () => {
  writeFileSync(join(work, "b.ko.gz"), "no gzip");
  writeFileSync(join(work, "b.ko.xz"), image);
  Bun.spawnSync(["mkfifo", join(work, "fifo.ko")]);
  for (const name of ["none.ko", "b.ko.gz", "b.ko.xz", "fifo.ko", "."]) {
    expect(readModuleInfo(join(work, name))).toBeUndefined();
  }
});
