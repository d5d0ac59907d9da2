import { expect, test } from "bun:test";
import fc from "fast-check";
import { fitRows } from "./fit-rows.ts";

const parts = { head: 3, devices: 20, notable: 4, remarks: 4, events: 5 };

test.each([
  // 3 + 2 + 20 + 5 + 7 lines
  ["all of it fits", 37, { devices: 20, remarks: 4, events: 5 }],
  ["events give way first", 35, { devices: 20, remarks: 4, events: 3 }],
  ["and take their heading with them", 31, { devices: 20, remarks: 4, events: 0 }],
  [
    "then healthy devices, for whose number there is a line",
    28,
    { devices: 17, remarks: 4, events: 0 },
  ],
  ["then remarks", 12, { devices: 4, remarks: 1, events: 0 }],
  ["then the devices with trouble", 8, { devices: 2, remarks: 0, events: 0 }],
  ["down to nothing", 1, { devices: 0, remarks: 0, events: 0 }],
])("%s: %d rows", (_, rows, shown) => {
  expect(fitRows(parts, rows)).toEqual(shown);
});

test("a higher screen never shows less", () => {
  const size = fc.nat({ max: 60 });
  const any = fc.record({ head: size, devices: size, notable: size, remarks: size, events: size });
  fc.assert(
    fc.property(any, size, (many, rows) => {
      const [low, high] = [fitRows(many, rows), fitRows(many, rows + 1)];
      for (const part of ["devices", "remarks", "events"] as const) {
        expect(high[part]).toBeGreaterThanOrEqual(low[part]);
      }
    }),
  );
});
