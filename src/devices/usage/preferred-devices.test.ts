import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { deviceIds } from "../../../test/support/devices.ts";
import { compareIds, preferredDevices } from "./preferred-devices.ts";

const used = (times: Record<string, number>) => (id: string) => times[id];

describe("preferred devices", () => {
  test("are those with the lowest numbers when none was allocated yet", () => {
    const available = ["video17", "video9", "video10", "video12"];
    expect(preferredDevices({ available, mustInclude: [], size: 2 }, used({}))).toEqual([
      "video9",
      "video10",
    ]);
  });

  test("are the least recently requested, those never requested first", () => {
    const available = ["video10", "video11", "video12"];
    const history = used({ video10: 300, video11: 100 });
    expect(preferredDevices({ available, mustInclude: [], size: 2 }, history)).toEqual([
      "video12",
      "video11",
    ]);
  });

  test("begin with those that must be included", () => {
    const request = { available: deviceIds(), mustInclude: ["video15"], size: 2 };
    expect(preferredDevices(request, used({}))).toEqual(["video15", "video10"]);
  });

  test("are found for odd requests without an error", () => {
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

test("IDs are ordered by number, not as text", () => {
  expect(["video10", "video9", "video100", "cam"].sort(compareIds)).toEqual([
    "cam",
    "video9",
    "video10",
    "video100",
  ]);
});
