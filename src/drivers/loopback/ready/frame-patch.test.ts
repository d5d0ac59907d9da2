import { expect, test } from "bun:test";
import fc from "fast-check";
import { applyPatch, diffFrames } from "./frame-patch.ts";

test("a patch turns its base into the frame", () => {
  const change = fc.tuple(fc.nat(1999), fc.integer({ min: 1, max: 400 }), fc.nat(255));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.array(change), (length, changes) => {
      const base = Uint8Array.from({ length }, (_, index) => index);
      const frame = base.slice();
      for (const [at, bytes, value] of changes) frame.fill(value, at, at + bytes);
      const patch = diffFrames(base, frame);
      const scratch = base.slice();
      applyPatch(scratch, patch);
      expect(scratch).toEqual(frame);
    }),
  );
});

test("frames that differ in a line of text differ in a few blocks", () => {
  const frame = new Uint8Array(1_000_000);
  expect(diffFrames(frame, frame.slice()).bytes.length).toBe(0);
  const other = frame.slice();
  other[999_999] = 1;
  expect(diffFrames(frame, other).bytes.length).toBe(256);
});
