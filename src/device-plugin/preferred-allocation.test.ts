import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { deviceIds } from "../../test/support/devices.ts";
import { compareIds, preferredDevices } from "./preferred-allocation.ts";

const used = (times: Record<string, number>) => (id: string) => times[id];

describe("preferred devices", () => {
  test("are the lowest-numbered when none was used yet", () => {
    const available = ["video17", "video9", "video10", "video12"];
    expect(preferredDevices({ available, mustInclude: [], size: 2 }, used({}))).toEqual([
      "video9",
      "video10",
    ]);
  });

  test("are those used longest ago, unused ones first", () => {
    const available = ["video10", "video11", "video12"];
    const history = used({ video10: 300, video11: 100 });
    expect(preferredDevices({ available, mustInclude: [], size: 2 }, history)).toEqual([
      "video12",
      "video11",
    ]);
  });

  test("begin with what must be in", () => {
    const question = { available: deviceIds(), mustInclude: ["video15"], size: 2 };
    expect(preferredDevices(question, used({}))).toEqual(["video15", "video10"]);
  });

  test("answer strange questions without an error", () => {
    const none = { available: [], mustInclude: [], size: 3 };
    expect(preferredDevices(none, used({}))).toEqual([]);
    const tooMany = { available: ["video10"], mustInclude: ["a", "b"], size: 1 };
    expect(preferredDevices(tooMany, used({}))).toEqual(["a", "b"]);
    const negative = { available: ["video10"], mustInclude: [], size: -1 };
    expect(preferredDevices(negative, used({}))).toEqual([]);
  });

  test("never repeat an ID, never invent one, and fill the size if they can", () => {
    const ids = fc.array(fc.constantFrom(...deviceIds(12)));
    fc.assert(
      fc.property(ids, ids, fc.integer({ min: 0, max: 14 }), (available, must, size) => {
        const answer = preferredDevices({ available, mustInclude: must, size }, used({}));
        expect(new Set(answer).size).toBe(answer.length);
        const known = new Set([...available, ...must]);
        for (const id of answer) expect(known.has(id)).toBe(true);
        for (const id of must) expect(answer).toContain(id);
        expect(answer.length).toBe(
          Math.max(new Set(must).size, Math.min(Math.max(0, size), known.size)),
        );
      }),
    );
  });
});

test("IDs are ordered by number, not by letters", () => {
  expect(["video10", "video9", "video100", "cam"].sort(compareIds)).toEqual([
    "cam",
    "video9",
    "video10",
    "video100",
  ]);
});
