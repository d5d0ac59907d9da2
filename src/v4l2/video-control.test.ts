import { expect, test } from "bun:test";
import { decodeControlInfo, encodeNextControl } from "./video-control.ts";
import { VIDIOC } from "./video-structs.ts";

/** A struct v4l2_query_ext_ctrl with these fields, at the offsets that a C compiler gives them. */
function control({ id = 1, type = 1, defaultValue = 0n, flags = 0, elements = 1 }): Uint8Array {
  const bytes = encodeNextControl(0);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, id, true);
  view.setUint32(4, type, true);
  view.setBigInt64(64, defaultValue, true);
  view.setUint32(72, flags, true);
  view.setUint32(80, elements, true);
  return bytes;
}

test("the request has the struct's size, and asks for the control after an ID", () => {
  const bytes = encodeNextControl(0x0098_0900);
  expect(bytes.length).toBe((VIDIOC.QUERY_EXT_CTRL >>> 16) & 0x3fff);
  expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(0xc098_0900);
});

test("a control has its type, default and flags", () => {
  expect(decodeControlInfo(control({ id: 0x009a_0901, type: 3, defaultValue: 3n }))).toEqual({
    ...{ id: 0x009a_0901, type: "menu", defaultValue: 3 },
    ...{ isFixed: false, isInactive: false, isVolatile: false },
  });
  expect(decodeControlInfo(control({ defaultValue: -5n })).defaultValue).toBe(-5);
  expect(decodeControlInfo(control({ flags: 0x10 })).isInactive).toBe(true);
  expect(decodeControlInfo(control({ flags: 0x80 })).isVolatile).toBe(true);
});

test.each([
  ["disabled", { flags: 0x1 }],
  ["read-only", { flags: 0x4 }],
  ["write-only", { flags: 0x40 }],
  ["an array", { elements: 4 }],
])("one that is %s can't be set", (_, fields) => {
  expect(decodeControlInfo(control(fields)).isFixed).toBe(true);
});

test("texts, classes and structs are of another type", () => {
  for (const type of [5, 6, 7, 0x0100, 0x0106]) {
    expect(decodeControlInfo(control({ type })).type).toBe("other");
  }
});
