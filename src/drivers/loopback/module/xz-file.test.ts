import { expect, test } from "bun:test";
import { xzDefect } from "./xz-file.ts";

/** `printf x | xz --check=crc32` */
const XZ = Buffer.from(
  "fd377a585a0000016922de360200210116000000742fe5a301000078000000008316dc8c00011501a96334609042990d010000000001595a",
  "hex",
);

test("a whole xz file has no defect, nor has one with padding behind it", () => {
  expect(xzDefect(XZ)).toBeUndefined();
  expect(xzDefect(Buffer.concat([XZ, Buffer.alloc(8)]))).toBeUndefined();
});

test.each([6, 7, 20, XZ.length - 1])("one that ends after %p bytes is cut short", (length) => {
  expect(xzDefect(XZ.subarray(0, length))).toBe("cut short");
});

test.each(["", "\0\0\0\0\0\0\0\0", "\x7fELF", "\xfd7zXZ"])("%j is no xz file", (text) => {
  expect(xzDefect(Buffer.from(text, "latin1"))).toBe("no xz file");
});
