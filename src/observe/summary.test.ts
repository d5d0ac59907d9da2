import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type DeviceSchema, StatusSchema, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { verdict } from "./summary.ts";

type Devices = MessageInitShape<typeof DeviceSchema>[];

const free = { healthy: true, reason: "ok", use: Use.FREE };
const used = { healthy: true, reason: "ok", use: Use.IN_USE };
const missing = { healthy: false, reason: "missing" };
const cordoned = { healthy: false, reason: "cordoned", cordon: {} };
const lostAndCordoned = { ...cordoned, reason: "missing" };

const judged = (devices: Devices, kubelet = { registered: true, podResourcesAnswers: true }) =>
  verdict(create(StatusSchema, { devices, kubelet }));

describe("the verdict", () => {
  test("is good while every device is healthy", () => {
    expect(judged([free, used, used])).toEqual({
      level: "good",
      sentence: "3 of 3 devices healthy, 2 in use",
    });
  });

  test("holds a cordon against nobody", () => {
    expect(judged([free, cordoned])).toEqual({
      level: "good",
      sentence: "1 of 2 devices healthy, 0 in use, 1 cordoned",
    });
    expect(judged([cordoned, lostAndCordoned]).level).toBe("good");
    expect(judged([cordoned, missing]).level).toBe("bad");
  });

  test("holds no device against anybody that is no longer wanted", () => {
    expect(judged([free, { healthy: false, reason: "retired" }])).toEqual({
      level: "good",
      sentence: "1 of 2 devices healthy, 0 in use, 1 retired",
    });
  });

  test("warns of a device that is lost, and of a kubelet that can't be asked", () => {
    expect(judged([free, missing]).level).toBe("warn");
    expect(judged([free], { registered: true, podResourcesAnswers: false }).level).toBe("warn");
  });

  test("is bad when pods get nothing", () => {
    expect(judged([missing])).toEqual({
      level: "bad",
      sentence: "0 of 1 device healthy, 0 in use",
    });
    expect(judged([free], { registered: false, podResourcesAnswers: true })).toEqual({
      level: "bad",
      sentence: "Not registered with the kubelet. 1 of 1 device healthy, 0 in use",
    });
    expect(verdict(create(StatusSchema)).level).toBe("bad");
  });
});
