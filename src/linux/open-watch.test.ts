import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoNameOf } from "./errno-error.ts";
import { watchOpens } from "./open-watch.ts";

test("a watch reports which of its files was opened, each time", () => {
  const directory = mkdtempSync(join(tmpdir(), "opens-"));
  try {
    const paths = ["a", "b", "c"].map((name) => join(directory, name));
    for (const path of paths) writeFileSync(path, "");
    const [a = "", b = "", c = ""] = paths;
    using watch = watchOpens([a, b]);
    expect(watch.opened()).toEqual([]);
    readFileSync(b);
    readFileSync(c);
    expect(watch.opened()).toEqual([b]);
    expect(watch.opened()).toEqual([]);
    readFileSync(a);
    readFileSync(b);
    expect(watch.opened()).toEqual([a, b]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a file that does not exist can't be watched", () => {
  let error: unknown;
  try {
    watchOpens(["/nowhere"]);
  } catch (reason) {
    error = reason;
  }
  expect(errnoNameOf(error)).toBe("ENOENT");
});
