import { describe, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import { allocate } from "./allocation.ts";

const device = (number: number, health: "Healthy" | "Unhealthy" = "Healthy"): DeviceStatus => ({
  id: `video${number}`,
  number,
  hostPath: `/dev/video${number}`,
  health,
  reason: health === "Healthy" ? "ok" : "missing",
  detail: health === "Healthy" ? "" : `there is no /dev/video${number}`,
  since: 0,
  format: "",
});
const devices = new Map(
  [device(9), device(10), device(11), device(12, "Unhealthy")].map((status) => [status.id, status]),
);
const lookUp = (id: string) => devices.get(id);

function refusal(ids: string[]): ConnectError {
  try {
    allocate(ids, lookUp, "/dev/{id}");
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("was not refused");
}

describe("an allocation", () => {
  test("gives one device with its node and both variables", () => {
    expect(allocate(["video10"], lookUp, "/dev/{id}").response).toEqual({
      envs: { VIDEO_DEVICE: "/dev/video10", VIDEO_DEVICES: "/dev/video10" },
      devices: [{ hostPath: "/dev/video10", containerPath: "/dev/video10", permissions: "rw" }],
    });
  });

  test("sorts several devices by number, whatever order the kubelet asks in", () => {
    const { response } = allocate(["video11", "video9", "video10"], lookUp, "/dev/{id}");
    expect(response.envs).toEqual({
      VIDEO_DEVICE: "/dev/video9",
      VIDEO_DEVICES: "/dev/video9,/dev/video10,/dev/video11",
    });
  });

  test("can give stable paths in the container", () => {
    const { response } = allocate(["video11", "video10"], lookUp, "/dev/video{index}");
    expect(response.devices).toEqual([
      { hostPath: "/dev/video10", containerPath: "/dev/video0", permissions: "rw" },
      { hostPath: "/dev/video11", containerPath: "/dev/video1", permissions: "rw" },
    ]);
    expect(allocate(["video10"], lookUp, "/cams/{n}").response.envs).toMatchObject({
      VIDEO_DEVICE: "/cams/10",
    });
  });

  test("is the same when asked again", () => {
    const once = allocate(["video10"], lookUp, "/dev/{id}");
    expect(allocate(["video10"], lookUp, "/dev/{id}")).toEqual(once);
  });

  test("counts an ID named twice once", () => {
    const { response } = allocate(["video10", "video10"], lookUp, "/dev/{id}");
    expect(response.devices).toHaveLength(1);
  });

  test("of nothing is nothing", () => {
    expect(allocate([], lookUp, "/dev/{id}").response).toEqual({ envs: {}, devices: [] });
  });

  test("refuses an ID that was never listed", () => {
    const error = refusal(["video10", "video99"]);
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe("device video99 is not one of this node's");
  });

  test("refuses an unhealthy device and says why", () => {
    const error = refusal(["video12"]);
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.rawMessage).toBe(
      "device video12 is unhealthy (missing): there is no /dev/video12",
    );
  });
});
