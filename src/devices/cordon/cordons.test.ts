import { describe, expect, test } from "bun:test";
import { type Cordons, cordoned, readCordons, uncordoned, writeCordons } from "./cordons.ts";

const empty: Cordons = new Map();
const at = Date.UTC(2026, 0, 2);

describe("the file of cordons", () => {
  test("keeps the time of a cordon whose note changes", () => {
    const book = cordoned(cordoned(empty, "video10", "first", at), "video10", "second", at + 1);
    expect([...book.values()]).toEqual([{ device: "video10", note: "second", since: at }]);
    expect(uncordoned(book, "video10").size).toBe(0);
    expect(uncordoned(book, "video11")).toEqual(book);
  });

  test("reads what it has written, whatever the notes are", () => {
    const notes = ["", 'a "quoted"\nline', "Kamera kaputt – ✗", "\u0000"];
    const book = notes.reduce(
      (so, note, index) => cordoned(so, `video${index}`, note, at + index),
      empty,
    );
    expect(readCordons(writeCordons(book))).toEqual(book);
  });

  test("can be read by people", () => {
    expect(writeCordons(cordoned(empty, "video10", "lens", at))).toContain(
      '"since": "2026-01-02T00:00:00.000Z"',
    );
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["half of it", '{"version":1,"cordons":[{"device":"vid'],
    ["no object", "[]"],
    ["null", "null"],
    ["another version", '{"version":2,"cordons":[]}'],
    ["no list", '{"version":1,"cordons":{}}'],
    ["an entry without a device", '{"version":1,"cordons":[{"note":"","since":"2026-01-01"}]}'],
    ["an entry without a time", '{"version":1,"cordons":[{"device":"video10","note":""}]}'],
    ["an entry that is none", '{"version":1,"cordons":[7]}'],
  ] as const) {
    test(`refuses ${what}`, () => {
      expect(() => readCordons(text)).toThrow();
    });
  }

  test("says of a list that it is no object", () => {
    expect(() => readCordons("[]")).toThrow("it is not a JSON object");
  });
});
