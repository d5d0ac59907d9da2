import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chartDir } from "../../deploy/manifests/chart.ts";
import { chartOptionKeys } from "../../deploy/manifests/chart-options.ts";
import manifest from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { grammarOf } from "../../src/cli/completion/grammar.ts";
import { commandLines, markdownFiles } from "../support/markdown.ts";

/** What the documents have a reader type or set exists. */
const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = markdownFiles(root).filter((path) => !path.startsWith("CHANGELOG"));

const grammar = new Map((await grammarOf(commands)).map((command) => [command.name, command]));
const shorts = new Set<string>();
for (const { load } of commands) {
  const { syntax } = await load();
  for (const { short } of syntax.flags ?? []) if (short !== undefined) shorts.add(`-${short}`);
}

/** The arguments of each call of the program in a line. */
function calls(line: string): string[][] {
  const program =
    /(?:^|\$ |sudo |-- |\| |&& |\(|dist\/|bin\/|\.\/)video-device-plugin(?= |$|\))([^|;&#)>]*)/g;
  return [...line.matchAll(program)].map(([, rest = ""]) =>
    [...rest.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word),
  );
}

/** What is wrong with a call; undefined if nothing is. */
function problem(words: readonly string[]): string | undefined {
  const [first = ""] = words;
  const named = first === "" || first.startsWith("-") ? "run" : first;
  const command = grammar.get(named);
  if (command === undefined) return `no command ${named}`;
  const rest = named === first ? words.slice(1) : words;
  const flags = command.flags.map(({ flag }) => flag);
  const unknown = rest
    .filter((word) => word.startsWith("-") && word !== "-")
    .map((word) => word.replace(/=.*/, ""))
    .find((word) => !flags.includes(word) && !shorts.has(word));
  if (unknown !== undefined) return `${named} has no ${unknown}`;
  const [word] = rest;
  const isChoice = command.words.length > 0 && word !== undefined && !word.startsWith("-");
  return isChoice && !command.words.includes(word) ? `${named} has no ${word}` : undefined;
}

describe("calls of the program", () => {
  test("are found in lines, and checked", () => {
    const wrong = (line: string) => calls(line).flatMap((words) => problem(words) ?? []);
    expect(
      calls("kubectl exec ds/video-device-plugin -- video-device-plugin status --json | jq ."),
    ).toEqual([["status", "--json"]]);
    expect(calls("helm install video-device-plugin oci://x/video-device-plugin --wait")).toEqual(
      [],
    );
    expect(wrong("sudo dist/video-device-plugin --max-devices 4 # four")).toEqual([]);
    expect(wrong("sudo dist/video-device-plugin --max-device 4")).toEqual([
      "run has no --max-device",
    ]);
    expect(wrong("video-device-plugin stats")).toEqual(["no command stats"]);
    expect(wrong("video-device-plugin snapshot 10 -o x.png --chek")).toEqual([
      "snapshot has no --chek",
    ]);
    expect(wrong("video-device-plugin probe alive")).toEqual(["probe has no alive"]);
    expect(wrong("video-device-plugin devices add --number 20")).toEqual([]);
  });

  test("in code blocks and in backquotes name a command and its flags", () => {
    const found = pages.flatMap((path) => {
      const quoted = [...read(path).matchAll(/`(video-device-plugin [^`]+)`/g)];
      const lines = [...commandLines(read(path)), ...quoted.map(([, line = ""]) => line)];
      return lines.flatMap(calls).map((words) => ({ path, words }));
    });
    expect(found.length).toBeGreaterThan(40);
    const wrong = found.flatMap(({ path, words }) => {
      const what = problem(words);
      return what === undefined ? [] : [`${path}: ${words.join(" ")}: ${what}`];
    });
    expect(wrong).toEqual([]);
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly $ref?: string;
}
const schema = JSON.parse(readFileSync(join(chartDir, "values.schema.json"), "utf8")) as Schema;

/** True if the chart's schema has the value, such as `config.driver` or `tolerations[0].key`. */
function isValue(path: string): boolean {
  let at: Schema | undefined = schema;
  for (const key of path.replaceAll(/\[\d+\]/g, "").split(/(?<!\\)\./)) {
    if (at?.properties === undefined) return at !== undefined;
    const next: Schema | undefined = at.properties[key];
    if (next === undefined) return at.additionalProperties !== false;
    at = next;
  }
  return true;
}

test("values of the chart that commands and pages set exist", () => {
  expect(["config.driver", "image.tag", "nodeSelector.a\\.b/c"].filter(isValue)).toHaveLength(3);
  expect(["config.driverr", "imagee.tag", "image.tagg"].filter(isValue)).toEqual([]);
  const set = pages.flatMap((path) => {
    const helm = commandLines(read(path)).filter((line) => /^helm (install|upgrade) /.test(line));
    const flags = helm.flatMap((line) => [
      ...line.matchAll(/--set(?:-string|-json)? '?([^'\s]+)/g),
    ]);
    const inCommands = flags.flatMap(([, pairs = ""]) =>
      pairs.split(",").map((pair) => pair.replace(/=.*/, "")),
    );
    const quoted = [...read(path).matchAll(/`config\.(\w+)(?:=[^`]*)?`/g)].map(
      ([, key = ""]) => key,
    );
    const unknown = quoted.filter((key) => !(chartOptionKeys as readonly string[]).includes(key));
    return [
      ...inCommands.map((key) => ({ path, key, ok: isValue(key) })),
      ...quoted.map((key) => ({ path, key, ok: !unknown.includes(key) })),
    ];
  });
  expect(set.length).toBeGreaterThan(10);
  expect(set.filter(({ ok }) => !ok)).toEqual([]);
});

test("scripts of package.json that the pages run exist", () => {
  const run = pages.flatMap((path) =>
    [...read(path).matchAll(/\bbun(?:@[\d.]+)? run ([\w:]+)/g)].map(([, script = ""]) => script),
  );
  expect(run.length).toBeGreaterThan(10);
  expect(run.filter((script) => !Object.keys(manifest.scripts).includes(script))).toEqual([]);
});

/** Paths that a page has the reader make. */
const readers = [/^deploy\/kubernetes\/overlays\/your-own\b/];

test("files of the repository that commands use exist", () => {
  const used = pages.flatMap((path) =>
    commandLines(read(path)).flatMap((line) =>
      [
        ...line.matchAll(
          /(?<=^|[\s=])(?:\.\/)?((?:deploy|docs|test|src|proto)\/[\w./-]+|[\w-]+\.sh)/g,
        ),
      ].map(([, name = ""]) => ({ path, name })),
    ),
  );
  expect(used.length).toBeGreaterThan(10);
  const missing = used.filter(
    ({ path, name }) =>
      !readers.some((pattern) => pattern.test(name)) &&
      ![name, join(path, "..", name), join("deploy/systemd", name)].some((one) =>
        existsSync(join(root, one)),
      ),
  );
  expect(missing).toEqual([]);
});

test("the image's tag in pages is the version's", () => {
  const tags = pages.flatMap((path) =>
    [...read(path).matchAll(/ghcr\.io\/[\w./-]*video-device-plugin(?:\/[\w-]+)?:([\w.-]+\w)/g)].map(
      ([, tag]) => ({ path, tag }),
    ),
  );
  expect(tags.length).toBeGreaterThan(0);
  expect(tags.filter(({ tag }) => tag !== manifest.version)).toEqual([]);
});
