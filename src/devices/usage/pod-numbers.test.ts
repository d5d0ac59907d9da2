import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { nextNumbers, PodNumbers } from "./pod-numbers.ts";
import { podNumbersFile, readPodNumbers, writePodNumbers } from "./pod-numbers-file.ts";
import { PodNumbersStore } from "./pod-numbers-store.ts";
import type { DeviceUse } from "./usage.ts";

const next = (before: readonly string[], use: DeviceUse, ...current: string[]) =>
  [...nextNumbers(new Set(before), { id: "video10", use, current })].join();

describe("the numbers under which a pod may have its device", () => {
  test("are all that the device has had while it may be in use", () => {
    expect(next([], "in_use", "81:0")).toBe("81:0");
    expect(next(["81:0"], "in_use", "81:2")).toBe("81:0,81:2");
    expect(next(["81:0"], "unknown", "81:2")).toBe("81:0,81:2");
    expect(next(["81:0"], "in_use")).toBe("81:0");
    expect(next(["81:0", "81:1"], "in_use", "81:2", "81:1")).toBe("81:0,81:1,81:2");
  });

  test("are none once the device is free, and none of a device of which nothing was ever known", () => {
    expect(next(["81:0", "81:2"], "free", "81:2")).toBe("");
    expect(next([], "unknown", "81:0")).toBe("");
  });
});

describe("a number", () => {
  const inUse = (id: string, current: string) => ({
    id,
    use: "in_use" as const,
    current: [current],
  });

  test("is another device's while a pod of that device may have it", () => {
    const numbers = new PodNumbers();
    let changes = 0;
    numbers.subscribe(() => changes++);
    numbers.update([inUse("video10", "81:0")]);
    numbers.update([inUse("video10", "81:0")]);
    expect(changes).toBe(1);
    expect(numbers.otherDeviceOf("video12", "81:0")).toBe("video10");
    expect(numbers.otherDeviceOf("video10", "81:0")).toBeUndefined();
    expect(numbers.otherDeviceOf("video12", "81:2")).toBeUndefined();
    numbers.update([{ id: "video10", use: "free", current: ["81:2"] }]);
    expect(numbers.otherDeviceOf("video12", "81:0")).toBeUndefined();
  });
});

test("the numbers of an earlier process are added to those that are known by then", () => {
  const numbers = new PodNumbers();
  numbers.update([{ id: "video10", use: "in_use", current: ["81:2"] }]);
  let changes = 0;
  numbers.subscribe(() => changes++);
  numbers.restore(new Map([["video10", new Set(["81:0"])]]));
  expect([...(numbers.byDevice.get("video10") ?? [])]).toEqual(["81:0", "81:2"]);
  expect(changes).toBe(1);
});

describe("the file of numbers", () => {
  const numbers = new Map([
    ["video10", new Set(["81:0", "81:2"])],
    ["video200", new Set(["81:7"])],
  ]);

  test("holds what was written, for the boot of the host in which it was written", () => {
    expect(readPodNumbers(writePodNumbers(numbers, "boot-1"), "boot-1")).toEqual(numbers);
    expect(readPodNumbers(writePodNumbers(numbers, "boot-1"), "boot-2").size).toBe(0);
    expect(readPodNumbers(writePodNumbers(numbers, ""), "").size).toBe(0);
  });

  test("is refused if it holds anything else", () => {
    const damaged = [
      "",
      "[]",
      `{"version":2}`,
      `{"version":1,"boot_id":"b"}`,
      `{"version":1,"boot_id":"b","devices":[{"device":"video10","numbers":["81"]}]}`,
      `{"version":1,"boot_id":"b","devices":[{"device":10,"numbers":[]}]}`,
    ];
    for (const text of damaged) expect(() => readPodNumbers(text, "b")).toThrow();
  });

  /** A process with a state directory. */
  function start(directory: string) {
    const log = recordingLogger();
    const memory = new PodNumbers();
    const tracked: string[] = [];
    const usage = { track: (ids: readonly string[]) => tracked.push(...ids) };
    const file = podNumbersFile(directory, "boot");
    const store = new PodNumbersStore({ numbers: memory, usage, file, log });
    store.load();
    const see = (id: string, use: DeviceUse, current: string) =>
      memory.update([{ id, use, current: [current] }]);
    return { log, memory, store, tracked, see };
  }

  async function inDirectory(play: (directory: string) => Promise<void>): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "vdp-numbers-"));
    try {
      await play(join(directory, "state"));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  test("has every change, and the next process knows them and follows those devices", () =>
    inDirectory(async (directory) => {
      const first = start(directory);
      first.see("video10", "in_use", "81:0");
      first.see("video11", "in_use", "81:1");
      first.see("video10", "in_use", "81:2");
      first.see("video11", "free", "81:1");
      await first.store.saved();
      expect(readdirSync(directory)).toEqual(["pod-numbers.json"]);
      const second = start(directory);
      expect(second.memory.otherDeviceOf("video12", "81:0")).toBe("video10");
      expect(second.memory.byDevice.size).toBe(1);
      expect(second.tracked).toEqual(["video10"]);
    }));

  test("has every change until it is closed, and none after that", () =>
    inDirectory(async (directory) => {
      const { store, see } = start(directory);
      see("video10", "in_use", "81:0");
      see("video11", "in_use", "81:1");
      await store.close();
      const text = readFileSync(join(directory, "pod-numbers.json"), "utf8");
      expect(text).toContain("video11");
      see("video12", "in_use", "81:2");
      await store.saved();
      expect(readFileSync(join(directory, "pod-numbers.json"), "utf8")).toBe(text);
    }));

  test("that is damaged is moved aside, with a warning, and the next change is written", () =>
    inDirectory(async (directory) => {
      const first = start(directory);
      first.see("video10", "in_use", "81:0");
      await first.store.saved();
      writeFileSync(join(directory, "pod-numbers.json"), "{");
      const second = start(directory);
      expect(second.memory.byDevice.size).toBe(0);
      expect(second.log.lines.map(({ level, fields }) => [level, fields["error_code"]])).toEqual([
        ["warn", "pod_numbers_unreadable"],
      ]);
      second.see("video11", "in_use", "81:1");
      await second.store.saved();
      expect(readdirSync(directory).sort()).toEqual(["pod-numbers.json", "pod-numbers.json.bad"]);
      expect(readFileSync(join(directory, "pod-numbers.json"), "utf8")).toContain("video11");
    }));

  test("that can't be written is logged once, and the numbers count on", () =>
    inDirectory(async (directory) => {
      writeFileSync(directory, "no directory");
      const { log, memory, store, see } = start(directory);
      see("video10", "in_use", "81:0");
      await store.saved();
      see("video11", "in_use", "81:1");
      await store.saved();
      const warned = log.lines.filter(({ level }) => level === "warn");
      expect(warned.map(({ fields }) => fields["error_code"])).toEqual([
        "pod_numbers_unreadable",
        "pod_numbers_not_kept",
      ]);
      expect(memory.otherDeviceOf("video12", "81:1")).toBe("video11");
    }));
});
