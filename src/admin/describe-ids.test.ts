import { expect, test } from "bun:test";
import { describeIds } from "./describe-ids.ts";

test.each([
  [[], "none"],
  [["video10"], "video10"],
  [["video10", "video11", "video12"], "video10 to video12"],
  [["video9", "video10", "video20", "video21"], "video9 to video10, video20 to video21"],
  [
    ["video10", "usb-046d-0825-A1", "usb-046d-0825-A2"],
    "video10, usb-046d-0825-A1, usb-046d-0825-A2",
  ],
  [["a", "b", "c", "d", "e", "f", "g", "h", "i"], "a, b, c, d, e, f, g, h, others"],
])("the IDs %j are %s", (ids, text) => {
  expect(describeIds(ids)).toBe(text);
});
