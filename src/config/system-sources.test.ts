import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { systemSources } from "./system-sources.ts";

test("the real sources are the process's own", () => {
  const sources = systemSources(["--x"]);
  expect(sources.argv).toEqual(["--x"]);
  expect(sources.env).toBe(process.env);
  expect(sources.hostname).toBe(hostname());
  expect(sources.readFile(import.meta.path)).toContain("the real sources");
  expect(() => sources.readFile("/nope")).toThrow("ENOENT");
  expect(sources.lookupGroup("no-such-group")).toBeUndefined();
});
