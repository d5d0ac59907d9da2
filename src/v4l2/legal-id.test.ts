import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { legalId, withHash } from "./legal-id.ts";

/** What CDI accepts (container-device-interface, pkg/parser/parser.go), and the kubelet's label values as well. */
const legal = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

describe("a name", () => {
  test.each([
    ["a@b c", "a-b-c"],
    ["usb-1-2-\u0000\u001b[31m", "usb-1-2----31m"],
    ["-.:begins", "begins"],
    ["ends in -.:_", "ends-in"],
    ["no::2 replica", "no-:2-replica"],
    ["kamera-ä", "kamera"],
  ])("has the characters that CDI accepts: %p", (text, name) => {
    expect(legalId(text)).toBe(name);
  });

  test("has at most 63, and long serial numbers that begin alike stay apart", () => {
    const names = ["1", "2"].map((end) => legalId(`usb-046d-0825-${"x".repeat(200)}${end}`));
    expect(names.map((name) => name.length)).toEqual([63, 63]);
    expect(new Set(names).size).toBe(2);
    expect(legalId("x".repeat(63))).toBe("x".repeat(63));
  });

  test("of any text is legal, with a hash and without", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
        const name = legalId(text);
        for (const each of [name, withHash(name, text)]) {
          expect(each).toMatch(legal);
          expect(each.length).toBeLessThanOrEqual(63);
        }
      }),
    );
  });
});
