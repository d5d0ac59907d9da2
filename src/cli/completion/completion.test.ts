import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../../test/support/cli.ts";
import { skipShell } from "../../../test/support/require-shell.ts";
import { offers, type Shell } from "../../../test/support/shell-completion.ts";
import { commands } from "../commands.ts";
import { grammarOf } from "./grammar.ts";

const shells: readonly Shell[] = ["bash", "zsh", "fish"];

for (const shell of shells) {
  describe.skipIf(skipShell(shell))(`${shell} completes`, async () => {
    const { out: script } = await cli(["completion", shell]);

    test.each([
      ["a command", "st", ["status"]],
      ["commands alike", "re", ["repair", "reset"]],
      ["a command's own flag", "status --w", ["--watch"]],
      ["an option of run without its name", "--max-d", ["--max-devices"]],
      ["a switch that is on", "run --no-en", ["--no-enable-metrics"]],
      ["the values of a choice", "--log-level ", ["debug", "error", "info", "warn"]],
      ["words", "probe ", ["live", "ready"]],
      ["a word after an option's value", "probe --timeout 3 re", ["ready"]],
      ["words of a command of commands", "devices re", ["remove", "repair", "reset"]],
      ["the name of a command to help with", "help unc", ["uncordon"]],
      ["nothing of another command", "version --w", []],
    ])("%s", (_, line, expected) => {
      expect(offers(shell, script, `video-device-plugin ${line}`)).toEqual(expected);
    });

    test("the devices that there are, after others and beside words", () => {
      const dev = mkdtempSync(join(tmpdir(), "vdp-dev-"));
      try {
        const here = script.replaceAll("/dev/video", `${dev}/video`);
        expect(offers(shell, here, "video-device-plugin reset vid")).toEqual([]);
        for (const id of ["video10", "video11"]) writeFileSync(join(dev, id), "");
        for (const line of ["reset vid", "reset video10 --force vid", "devices reset vid"]) {
          expect(offers(shell, here, `video-device-plugin ${line}`)).toEqual([
            "video10",
            "video11",
          ]);
        }
      } finally {
        rmSync(dev, { recursive: true });
      }
    });

    test("a value after an equals sign", () => {
      const offered = offers(shell, script, "video-device-plugin --log-level=de");
      // fish offers the whole word, the others what follows the sign
      expect(offered.map((word) => word.replace("--log-level=", ""))).toEqual(["debug"]);
    });
  });
}

describe("the grammar", () => {
  test("has every command", async () => {
    const names = (await grammarOf(commands)).map(({ name }) => name);
    expect(names).toEqual(commands.map(({ name }) => name));
  });

  test("has every flag that a command's help shows", async () => {
    for (const { name, flags } of await grammarOf(commands)) {
      const { out } = await cli(["help", name]);
      const shown = [...out.matchAll(/^ {2}(?:-., )?--(?:\[no-\])?([a-z0-9-]+)/gm)].map(
        ([, flag]) => flag,
      );
      const known = flags.map(({ flag }) => flag.slice(2));
      expect({ name, unknown: shown.filter((flag) => !known.includes(flag ?? "")) }).toEqual({
        name,
        unknown: [],
      });
    }
  });
});

test.each([
  [[], "bash|zsh|fish: is missing"],
  [["tcsh"], '"tcsh": is no shell known here'],
  [["bash", "zsh"], "zsh: unexpected argument"],
])("completion %j is refused", async (argv, message) => {
  const { code, err } = await cli(["completion", ...argv]);
  expect(code).toBe(64);
  expect(err).toContain(message);
});
