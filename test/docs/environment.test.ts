import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");

test("only src/config/system-sources.ts reads the environment, so that every variable is an option", async () => {
  const readers: string[] = [];
  for (const path of new Glob("src/**/*.ts").scanSync(root)) {
    if (path.endsWith(".test.ts")) continue;
    const source = await Bun.file(join(root, path)).text();
    if (/\b(process|Bun|import\.meta)\.env\b/.test(source)) readers.push(path);
  }
  expect(readers).toEqual(["src/config/system-sources.ts"]);
});
