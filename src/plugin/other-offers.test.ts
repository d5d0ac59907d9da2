import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { OtherOfferLog, overlapping } from "./other-offers.ts";

const ids = ["video10", "video11"];

test("offers of other plugins count as far as they have the same devices", () => {
  const offers = new Map([
    ["example.com/a", ["video11", "video10", "video9"]],
    ["example.com/b", ["video20"]],
  ]);
  expect(overlapping(offers, ids)).toEqual([{ resourceName: "example.com/a", deviceIds: ids }]);
});

test("another plugin is named once, until it offers none of the devices", () => {
  const log = recordingLogger();
  const offers = new OtherOfferLog(log);
  const names = () => log.lines.map(({ fields }) => fields["other_resource"]);
  const a = { resourceName: "example.com/a", deviceIds: ids };
  const b = { resourceName: "example.com/b", deviceIds: ["video10"] };
  offers.seen([a]);
  offers.seen([{ ...a, deviceIds: ["video11"] }, b]);
  expect(names()).toEqual(["example.com/a", "example.com/b"]);
  offers.seen([b]);
  offers.seen([a, b]);
  expect(names()).toEqual(["example.com/a", "example.com/b", "example.com/a"]);
});
