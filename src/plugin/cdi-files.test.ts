import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type CdiFile, CdiFiles } from "./cdi-files.ts";

let root: string;
let clock: ManualClock;
let log: ReturnType<typeof recordingLogger>;
/** Resources of which a pod owns a device; undefined while the kubelet does not answer. */
let owned: Set<string> | undefined;
/** How often the kubelet was asked. */
let asked = 0;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cdi-files-"));
  mkdirSync(join(root, "cdi"));
  clock = new ManualClock();
  log = recordingLogger();
  owned = new Set();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(root, { recursive: true });
});

const file = (name: string): CdiFile => {
  const path = join(root, "cdi", `${name}.json`);
  writeFileSync(path, "{}");
  return { path, resourceName: `example.com/${name}` };
};
const record = () => {
  const { files } = JSON.parse(readFileSync(join(root, "cdi.json"), "utf8"));
  return files.map(({ resourceName }: CdiFile) => resourceName);
};

/** A process whose pools have these files. */
function start(...current: CdiFile[]) {
  const files = new CdiFiles({
    ...{ stateDir: root, current, clock, log },
    isOwned: async (resourceName) => {
      asked++;
      if (owned === undefined) throw new Error("no answer");
      return owned.has(resourceName);
    },
  });
  const isNeeded = files.load();
  const end = new AbortController();
  const running = isNeeded ? files.run(end.signal) : Promise.resolve();
  const stop = async () => {
    end.abort();
    await running;
  };
  stops.push(stop);
  return { isNeeded, stop };
}

/** Lets the time pass until the kubelet was asked so often. */
const ask = async (times: number) => {
  for (let time = 0; time < times; time++) {
    const before = asked;
    const isAsked = async () => {
      await clock.advance(60_000);
      return asked > before;
    };
    await eventually(isAsked, "a question");
  }
};
const anHour = async () => {
  for (let minute = 0; minute < 60; minute++) await clock.advance(60_000);
};

test("without CDI there is nothing to do", () => {
  expect(start().isNeeded).toBe(false);
  expect(existsSync(join(root, "cdi.json"))).toBe(false);
});

test("the files of pools are recorded, and stay", async () => {
  const [a, b] = [file("a"), file("b")];
  const { stop } = start(a, b);
  await eventually(() => existsSync(join(root, "cdi.json")), "the record");
  await anHour();
  await stop();
  expect(record()).toEqual(["example.com/a", "example.com/b"]);
  expect([a, b].map(({ path }) => existsSync(path))).toEqual([true, true]);
});

test("the file of a pool that is gone is removed when two answers in a row have no pod with its devices", async () => {
  const [a, b] = [file("a"), file("b")];
  const first = start(a, b);
  await eventually(() => existsSync(join(root, "cdi.json")), "the record");
  await first.stop();

  owned = new Set(["example.com/b"]);
  start(a);
  await ask(4);
  owned = undefined;
  await ask(4);
  expect(existsSync(b.path)).toBe(true);
  owned = new Set();
  await ask(1);
  owned.add("example.com/b");
  await ask(1);
  owned.clear();
  await ask(1);
  expect(existsSync(b.path)).toBe(true);
  await ask(1);
  await eventually(() => !existsSync(b.path), "its end");
  await eventually(() => record().join() === "example.com/a", "the record");
  expect(existsSync(a.path)).toBe(true);
  expect(log.lines.map(({ msg }) => msg)).toEqual(["CDI devices removed"]);
});

test("a file in a directory that the process does not see stays in the record, with one warning", async () => {
  const a = file("a");
  const first = start(a);
  await eventually(() => existsSync(join(root, "cdi.json")), "the record");
  await first.stop();
  renameSync(join(root, "cdi"), join(root, "elsewhere"));
  const second = start();
  const hasTriedTwice = async () => {
    await clock.advance(60_000);
    return log.lines.length >= 2;
  };
  await eventually(hasTriedTwice, "two tries");
  await second.stop();
  expect(record()).toEqual(["example.com/a"]);
  expect(log.lines.map(({ level, msg }) => `${level} ${msg}`).slice(0, 2)).toEqual([
    "warn CDI devices not removed",
    "debug CDI devices not removed",
  ]);
});

test("with the last file the record goes, too", async () => {
  const first = start(file("a"));
  await eventually(() => existsSync(join(root, "cdi.json")), "the record");
  await first.stop();
  start();
  const isGone = async () => {
    await clock.advance(60_000);
    return !existsSync(join(root, "cdi.json"));
  };
  await eventually(isGone, "its end");
  expect(start().isNeeded).toBe(false);
});

test.each(["{", "[]", '{"files":[{"path":"/etc/passwd","resourceName":"a.b/c"},{"path":7},null]}'])(
  "a record that is none removes nothing: %s",
  async (text) => {
    writeFileSync(join(root, "cdi.json"), text);
    expect(start().isNeeded).toBe(false);
    const a = file("a");
    expect(start(a).isNeeded).toBe(true);
    await anHour();
    expect(existsSync(a.path)).toBe(true);
    expect(existsSync("/etc/passwd")).toBe(true);
  },
);
