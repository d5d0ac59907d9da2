import { expect, test } from "bun:test";
import { cli } from "../../test/support/cli.ts";

test.each([
  [["doctor", "x"], "x: unexpected argument"],
  [["doctor", "--jsn"], "--jsn: unknown option; did you mean --json?"],
  [
    ["doctor", "--max-devices", "many"],
    '--max-devices: got "many" (from the command line), expected',
  ],
])("the doctor refuses arguments as the other tools do: %j", async (argv, message) => {
  const { code, err } = await cli(argv);
  expect(code).toBe(64);
  expect(err).toStartWith(message);
  expect(err).toEndWith('\nSee "video-device-plugin doctor --help".\n');
});
