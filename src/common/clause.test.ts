import { expect, test } from "bun:test";
import { asClause } from "./clause.ts";

test("a clause has no full stop of its own, and keeps those within", () => {
  expect(asClause("There is no /dev/video10.")).toBe("There is no /dev/video10");
  expect(asClause("v4l2loopback 0.12.5 is gone")).toBe("v4l2loopback 0.12.5 is gone");
});
