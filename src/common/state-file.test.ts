import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PluginError } from "./plugin-error.ts";
import { readEntries, readState, StateFile, writeState } from "./state-file.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "state-")), "state");
  path = join(directory, "names.json");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const codes = { unreadable: "cameras_unreadable", notKept: "cameras_not_kept" } as const;
const format = {
  write: (names: readonly string[]) => writeState({ names: names.map((name) => ({ name })) }),
  read: (text: string) =>
    readEntries(readState(text), "names", ({ name }) =>
      typeof name === "string" ? name : undefined,
    ),
  codes,
};
const file = () => new StateFile<readonly string[]>(path, format);

test("what was saved is loaded, from a file and a directory of root's alone; without a file there is no content", async () => {
  expect(file().load()).toEqual({ content: undefined, problem: undefined });
  await file().save(["a", "b"]);
  expect(file().load()).toEqual({ content: ["a", "b"], problem: undefined });
  expect(file().read()).toEqual(["a", "b"]);
  expect(readFileSync(path, "utf8")).toStartWith('{\n  "version": 1,\n  "names": [\n');
  expect([path, directory].map((each) => statSync(each).mode & 0o777)).toEqual([0o600, 0o700]);
});

test.each([
  ["", "JSON Parse error: Unexpected EOF"],
  ["[]", "it is not a JSON object"],
  ['{"version":2,"names":[]}', "its version is 2, not 1"],
  ['{"version":1}', "it has no list of names"],
  ['{"version":1,"names":[7]}', "one of its names is 7"],
  ['{"version":1,"names":[{"name":1}]}', 'one of its names is {"name":1}'],
])("a file that holds %p is moved aside as damaged: %s", (text, why) => {
  mkdirSync(directory);
  writeFileSync(path, text);
  expect(() => file().read()).toThrow(why);
  expect(readdirSync(directory)).toEqual(["names.json"]);
  const { content, problem } = file().load();
  expect(content).toBeUndefined();
  expect(problem).toMatchObject({
    ...{ code: "cameras_unreadable", message: `${path} is damaged: ${why}.` },
    remedy: `Find out which program wrote to the file, which is kept as ${path}.bad.`,
  });
  expect(readdirSync(directory)).toEqual(["names.json.bad"]);
});

test("a damaged file may have a code and a remedy of its own", () => {
  mkdirSync(directory);
  writeFileSync(path, "{");
  const own = { codes: { ...codes, damaged: "cordons_damaged" as const }, remedy: "begin again" };
  const { problem } = new StateFile(path, { ...format, ...own }).load();
  expect(problem?.code).toBe("cordons_damaged");
  expect(problem?.remedy).toEndWith(".bad, and begin again.");
});

test("a file that can't be read stays", () => {
  mkdirSync(directory);
  symlinkSync("names.json", path);
  expect(file().load().problem).toMatchObject({
    code: "cameras_unreadable",
    message: expect.stringMatching(/names\.json can't be read: ELOOP/),
  });
  expect(readdirSync(directory)).toEqual(["names.json"]);
});

test("a file that can't be written is an error that names the directory", async () => {
  writeFileSync(directory, "");
  const error = await file()
    .save([])
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PluginError);
  expect(error).toMatchObject({
    code: "cameras_not_kept",
    remedy: expect.stringMatching(/^Make room in .*state and .* another STATE_DIR\.$/),
  });
});
