import { describe, expect, test } from "bun:test";
import { cli } from "../../test/support/cli.ts";
import { commands } from "./commands.ts";

/** Lines that can only stay whole: commands, an option with its variable, a path. */
const isFixed = (line: string) =>
  /(video-device-plugin|kubectl) /.test(line) || /^ +--\S+/.test(line) || /^ *(> )?\S+$/.test(line);

describe.each([
  [60, 60],
  [80, 80],
  [250, 100],
])("on a screen of %d columns", (columns, most) => {
  const screen = { columns: () => columns, rows: () => 24 };
  const lines = async (...argv: string[]) => (await cli(argv, screen)).out.split("\n");

  test.each(commands.map(({ name }) => [name]))("the help of %s fits", async (name) => {
    for (const argv of [
      [name, "--help"],
      ["help", name],
    ]) {
      const tooLong = (await lines(...argv)).filter((line) => line.length > most);
      expect(tooLong.filter((line) => !isFixed(line))).toEqual([]);
    }
  });

  test("the help of run uses them", async () => {
    const texts = (await lines("run", "--help")).filter((line) => !isFixed(line));
    expect(Math.max(...texts.map((line) => line.length))).toBeGreaterThan(most - 6);
  });
});

describe("the help of", () => {
  test.each(commands.map(({ name }) => [name]))(
    "%s begins with its usage and fits",
    async (name) => {
      const { code, out } = await cli([name, "--help"]);
      expect(code).toBe(0);
      expect(out).toStartWith("Usage: video-device-plugin ");
      expect(out.split("\n")[0]).toContain(name);
      // the column at which the texts of this project wrap, and a little
      for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(125);
    },
  );
});

test("the list of commands fits, and has all", async () => {
  const { out } = await cli(["help"]);
  for (const { name } of commands) expect(out).toContain(`\n  ${name} `);
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});
