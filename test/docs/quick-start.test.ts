import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandBlocks, prints } from "../support/played-blocks.ts";

const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");

describe("blocks of commands", () => {
  const page = `# A\n\`\`\`sh\nbefore\n\`\`\`\n## Quick start\n<!-- not played: why -->\n\`\`\`sh\none \\\n  two\n\`\`\`
### More\n\`\`\`sh\n# no heading\nthree\n\`\`\`\nIt prints:\n\n\`\`\`text\n3\n\`\`\`\n\`\`\`yaml\na: b\n\`\`\`\n## Next\n\`\`\`sh\nafter\n\`\`\`\n`;

  test("are those of one section, with what they print and why they are not played", () => {
    expect(commandBlocks(page, "quick-start")).toEqual([
      { commands: "one \\\n  two", notPlayed: "why", line: 8 },
      { commands: "# no heading\nthree", prints: "3", line: 13 },
    ]);
  });

  test("print what the page shows, whatever the width of columns, and … stands for anything", () => {
    expect(prints("NAME   AGE\na      …", "NAME AGE\na 5s\n")).toBe(true);
    expect(prints("…\nlast", "one\ntwo\nlast")).toBe(true);
    expect(prints("…\nlast", "last")).toBe(true);
    expect(prints("first", "first\nsecond")).toBe(false);
    expect(prints("a.c", "abc")).toBe(false);
    expect(prints("…\nlast", "one\nlast but one")).toBe(false);
  });
});

test("the README's quick start skips only what needs another machine, and ends with a pod's log", () => {
  const blocks = commandBlocks(readme, "quick-start");
  const played = blocks.filter(({ notPlayed }) => notPlayed === undefined);
  expect(played.length).toBeGreaterThanOrEqual(3);
  expect(played.some(({ commands }) => commands.startsWith("helm install "))).toBe(true);
  expect(played.some(({ commands }) => commands.includes("\nkubectl logs "))).toBe(true);
  const reasons = blocks.flatMap(({ notPlayed }) => notPlayed ?? []);
  for (const reason of reasons) expect(reason).toMatch(/^(needs|installs|removes) /);
});
