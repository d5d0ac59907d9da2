import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { poolsStatus } from "../../test/support/statuses.ts";
import { type DeviceSchema, StatusSchema, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { otherOfferSentences, summarise } from "./summary.ts";

type Devices = MessageInitShape<typeof DeviceSchema>[];

const free = { healthy: true, reason: "ok", use: Use.FREE };
const used = { healthy: true, reason: "ok", use: Use.IN_USE };
const missing = { healthy: false, reason: "missing" };
const cordoned = { healthy: false, reason: "cordoned", cordon: {} };
const missingAndCordoned = { ...cordoned, reason: "missing" };

const summaryOf = (devices: Devices, kubelet = { registered: true, podResourcesAnswers: true }) =>
  summarise(create(StatusSchema, { devices, kubelet }));

describe("the summary", () => {
  test("is good while every device is healthy", () => {
    expect(summaryOf([free, used, used])).toEqual({
      level: "good",
      sentence: "3 of 3 devices healthy, 2 in use",
    });
  });

  test("names a relay that does not run", () => {
    const status = create(StatusSchema, {
      devices: [free],
      kubelet: { registered: true, podResourcesAnswers: true },
      relay: { running: false },
    });
    expect(summarise(status)).toEqual({
      level: "warn",
      sentence: "The relay of ready cameras does not run. 1 of 1 device healthy, 0 in use",
    });
  });

  test("does not count a cordon as trouble", () => {
    expect(summaryOf([free, cordoned])).toEqual({
      level: "good",
      sentence: "1 of 2 devices healthy, 0 in use, 1 cordoned",
    });
    expect(summaryOf([cordoned, missingAndCordoned]).level).toBe("good");
    expect(summaryOf([cordoned, missing]).level).toBe("bad");
  });

  test("does not count a retired device as trouble", () => {
    expect(summaryOf([free, { healthy: false, reason: "retired" }])).toEqual({
      level: "good",
      sentence: "1 of 2 devices healthy, 0 in use, 1 retired",
    });
  });

  test("warns of a missing device, and of a kubelet that can't be asked", () => {
    expect(summaryOf([free, missing]).level).toBe("warn");
    expect(summaryOf([free], { registered: true, podResourcesAnswers: false }).level).toBe("warn");
  });

  test("warns of another plugin that offers the same devices", () => {
    const status = create(StatusSchema, {
      devices: [free],
      kubelet: { registered: true, podResourcesAnswers: true },
      otherOffers: [{ resourceName: "example.com/a", deviceIds: ["video10", "video11"] }],
    });
    expect(summarise(status).level).toBe("warn");
    expect(otherOfferSentences(status)).toEqual([
      "Another plugin offers video10, video11 as well, under the resource name example.com/a.",
    ]);
  });

  test("is bad when pods get nothing", () => {
    expect(summaryOf([missing])).toEqual({
      level: "bad",
      sentence: "0 of 1 device healthy, 0 in use",
    });
    expect(summaryOf([free], { registered: false, podResourcesAnswers: true })).toEqual({
      level: "bad",
      sentence: "Not registered with the kubelet. 1 of 1 device healthy, 0 in use",
    });
    expect(summarise(create(StatusSchema)).level).toBe("bad");
  });
});

describe("the summary of several pools", () => {
  test("counts the devices of all, names those with trouble, and has the worst level", () => {
    expect(summarise(poolsStatus(Date.now()))).toEqual({
      level: "bad",
      sentence: "2 of 3 devices healthy, 1 in use; webcams: 0 of 1 device healthy, 0 in use",
    });
  });

  test("says what several have in common once, without their counts", () => {
    const kubelet = { registered: false, podResourcesAnswers: true };
    const pools = ["bots", "studio"].map((name) => ({ name, kubelet }));
    const devices = pools.map(({ name }) => ({ ...free, pool: name }));
    expect(summarise(create(StatusSchema, { devices, pools, kubelet }))).toEqual({
      level: "bad",
      sentence: "2 of 2 devices healthy, 0 in use; bots, studio: not registered with the kubelet",
    });
  });

  test("is good for a pool without any device", () => {
    const kubelet = { registered: true, podResourcesAnswers: true };
    const pools = [
      { name: "bots", kubelet },
      { name: "webcams", kubelet },
    ];
    const devices = [{ ...free, pool: "bots" }];
    expect(summarise(create(StatusSchema, { devices, pools, kubelet })).level).toBe("good");
  });
});
