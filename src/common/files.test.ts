import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { moveAside, readFileIfPresent, readSmallFile, replaceFile } from "./files.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "files-"));
  path = join(directory, "state.json");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a small file is read without the white space around it, and need not be there", () => {
  expect(readSmallFile(path)).toBeUndefined();
  expect(readSmallFile(directory)).toBeUndefined();
  writeFileSync(path, " 1\n");
  expect(readSmallFile(path)).toBe("1");
});

test("a file is read as it is if it is there, regular and not too large", () => {
  expect(readFileIfPresent(path, 4)).toBeUndefined();
  writeFileSync(path, " ab\n");
  expect(readFileIfPresent(path, 4)).toBe(" ab\n");
  expect(() => readFileIfPresent(path, 3)).toThrow("it has more than 3 bytes");
  expect(() => readFileIfPresent(directory, 4096)).toThrow("it is not a regular file");
});

test("a file is replaced whole, with its mode whatever the umask, and nothing else is left", async () => {
  const umask = process.umask(0o077);
  try {
    await replaceFile(path, "old");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await replaceFile(path, "new", 0o644);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  } finally {
    process.umask(umask);
  }
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readdirSync(directory)).toEqual(["state.json"]);
});

test("a file that is replaced by several at once is whole, and no draft is left", async () => {
  const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(10_000));
  await Promise.all(texts.map((text) => replaceFile(path, text)));
  expect(texts).toContain(readFileSync(path, "utf8"));
  expect(readdirSync(directory)).toEqual(["state.json"]);
});

test("what can't be replaced stays, and no draft is left", async () => {
  mkdirSync(path);
  await expect(replaceFile(path, "new")).rejects.toThrow();
  await expect(replaceFile(join(directory, "none/state.json"), "new")).rejects.toThrow("ENOENT");
  expect(readdirSync(directory)).toEqual(["state.json"]);
});

test("a file is moved aside, or stays", () => {
  writeFileSync(path, "");
  expect(moveAside(path, `${path}.bad`)).toBe(true);
  expect(moveAside(path, `${path}.bad`)).toBe(false);
  expect(readdirSync(directory)).toEqual(["state.json.bad"]);
});
