import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PluginError } from "../common/plugin-error.ts";
import { runCli } from "./cli.ts";
import type { Command, ListedCommand } from "./command.ts";
import { helpCommand } from "./help.ts";
import { version, versionCommand } from "./version.ts";

function listed(name: string, command: Command): ListedCommand {
  return { name, summary: `Does ${name}`, load: async () => command };
}

function fake(name: string, run: Command["run"]): ListedCommand {
  return listed(name, { syntax: {}, help: () => `help of ${name}\n`, run });
}

const commands: readonly ListedCommand[] = [
  fake("run", async (argv, terminal) => {
    terminal.out(`ran ${JSON.stringify(argv)}\n`);
    return 3;
  }),
  fake("demo", async () => {
    throw new PluginError("not_supported", "there is no stage", { remedy: "Build one." });
  }),
  listed("version", versionCommand),
  { name: "help", summary: "Does help", load: async () => helpCommand(commands) },
];

async function cli(...argv: string[]) {
  const written = { out: "", err: "" };
  const code = await runCli(argv, commands, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
  });
  return { code, ...written };
}

describe("a command is found", () => {
  test.each([
    [["run", "--x", "y"], '["--x","y"]'],
    [["--x", "y"], '["--x","y"]'],
    [[], "[]"],
    [["run"], "[]"],
    [["run", "run"], '["run"]'],
  ])("%j runs with its arguments", async (argv, seen) => {
    expect(await cli(...argv)).toEqual({ code: 3, out: `ran ${seen}\n`, err: "" });
  });
  test("or the nearest suggested, with the exit code for wrong usage", async () => {
    expect(await cli("rnu")).toEqual({
      code: 64,
      out: "",
      err: 'rnu: unknown command; did you mean run?\nSee "video-device-plugin help".\n',
    });
    expect((await cli("")).code).toBe(64);
  });
});

describe("help", () => {
  test.each([[["run", "--help"]], [["run", "-h"]], [["help", "run"]], [["--x", "--help"]]])(
    "%j shows that of run",
    async (argv) => expect(await cli(...argv)).toEqual({ code: 0, out: "help of run\n", err: "" }),
  );
  test.each([[["help"]], [["--help"]], [["-h"]]])("%j lists all commands", async (argv) => {
    const { code, out } = await cli(...argv);
    expect(code).toBe(0);
    for (const { name, summary } of commands)
      expect(out).toContain(`  ${name.padEnd(7)}   ${summary}`);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
  test("there is some for each command", async () => {
    for (const { name } of commands) expect((await cli(name, "--help")).out).toEndWith("\n");
  });
  test("refuses what it doesn't know", async () => {
    expect(await cli("help", "vrsion")).toMatchObject({
      code: 64,
      err: 'vrsion: unknown command; did you mean version?\nSee "video-device-plugin help".\n',
    });
    expect((await cli("help", "run", "demo")).code).toBe(64);
  });
});

describe("version", () => {
  test.each([["version"], ["--version"]])("%s shows it in a line", async (argument) => {
    const { code, out } = await cli(argument);
    expect(code).toBe(0);
    expect(out).toBe(
      `video-device-plugin ${version} (bun ${Bun.version}, ${process.platform}-${process.arch})\n`,
    );
  });
  test("takes no arguments", async () => {
    expect(await cli("version", "x")).toEqual({
      code: 64,
      out: "",
      err: 'x: unexpected argument\nSee "video-device-plugin version --help".\n',
    });
  });
});

test("what a command throws is printed with its remedy", async () => {
  expect(await cli("demo")).toEqual({
    code: 1,
    out: "",
    err: "video-device-plugin: there is no stage\nBuild one.\n",
  });
});

test("no arguments make it throw", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "binary" })), async (argv) => {
      expect([0, 1, 3, 64]).toContain((await cli(...argv)).code);
    }),
  );
});
