import { describe, expect, test } from "bun:test";
import { cli } from "../../test/support/cli.ts";
import { commands } from "./commands.ts";

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
