import { describe, expect, test } from "bun:test";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import { renderAllocation } from "./render-allocation.ts";

const device = (number: number, ...others: string[]): DeviceStatus => ({
  id: `video${number}`,
  number,
  nodes: [{ hostPath: `/dev/video${number}` }, ...others.map((hostPath) => ({ hostPath }))],
  cleaning: "reset",
  health: "Healthy",
  reason: "ok",
  detail: "",
  fix: "none",
  since: 0,
  format: "",
});

const ready = (number: number): DeviceStatus => ({
  ...device(number),
  nodes: [
    { hostPath: `/dev/video${number}`, role: "camera" },
    { hostPath: `/dev/video${number + 128}`, role: "feed" },
  ],
});

const view = { path: "/dev/{id}", feedPath: "/dev/feed{index}", variable: "VIDEO_DEVICE" };

function render(numbers: number[], template: string) {
  return renderAllocation(
    numbers.map((number) => device(number)),
    { ...view, path: template },
  );
}

describe("an allocation", () => {
  test("gives one device with its node and both variables", () => {
    expect(render([10], "/dev/{id}").response).toEqual({
      envs: { VIDEO_DEVICE: "/dev/video10", VIDEO_DEVICES: "/dev/video10" },
      devices: [{ hostPath: "/dev/video10", containerPath: "/dev/video10", permissions: "rw" }],
    });
  });

  test("sorts several devices by number, whatever order the kubelet asks in", () => {
    const { response } = render([11, 9, 10], "/dev/{id}");
    expect(response.envs).toEqual({
      VIDEO_DEVICE: "/dev/video9",
      VIDEO_DEVICES: "/dev/video9,/dev/video10,/dev/video11",
    });
  });

  test("can give stable paths in the container", () => {
    const { response } = render([11, 10], "/dev/video{index}");
    expect(response.devices).toEqual([
      { hostPath: "/dev/video10", containerPath: "/dev/video0", permissions: "rw" },
      { hostPath: "/dev/video11", containerPath: "/dev/video1", permissions: "rw" },
    ]);
    expect(render([10], "/cams/{n}").response.envs).toMatchObject({
      VIDEO_DEVICE: "/cams/10",
    });
  });

  test("can name its variables otherwise", () => {
    const other = { ...view, variable: "CAMERA" };
    expect(renderAllocation([device(10), device(11)], other).response.envs).toEqual({
      CAMERA: "/dev/video10",
      CAMERAS: "/dev/video10,/dev/video11",
    });
  });

  test("is the same when asked again", () => {
    const once = render([10], "/dev/{id}");
    expect(render([10], "/dev/{id}")).toEqual(once);
  });

  test("counts an ID named twice once", () => {
    const { response } = render([10, 10], "/dev/{id}");
    expect(response.devices).toHaveLength(1);
  });

  test("has the CDI names of its devices beside the device specs", () => {
    const names = new Map([10, 11, 12].map((number) => [`video${number}`, `a.b/c=video${number}`]));
    const { response } = renderAllocation([device(12), device(10)], view, names);
    expect(response.cdiDevices).toEqual([{ name: "a.b/c=video10" }, { name: "a.b/c=video12" }]);
    expect(response.devices).toHaveLength(2);
  });

  test("of nothing is nothing", () => {
    expect(render([], "/dev/{id}").response).toEqual({ envs: {}, devices: [] });
  });

  test("has further nodes of a device at the host's path", () => {
    const { response } = renderAllocation([device(10, "/dev/media3")], {
      ...view,
      path: "/dev/video{index}",
    });
    expect(response.devices).toEqual([
      { hostPath: "/dev/video10", containerPath: "/dev/video0", permissions: "rw" },
      { hostPath: "/dev/media3", containerPath: "/dev/media3", permissions: "rw" },
    ]);
    expect(response.envs).toMatchObject({ VIDEO_DEVICES: "/dev/video0" });
  });
});

describe("an allocation of ready cameras", () => {
  test("has both nodes, and names the feed as the path to write to", () => {
    expect(renderAllocation([ready(10)], view).response).toEqual({
      envs: {
        VIDEO_DEVICE: "/dev/feed0",
        VIDEO_DEVICES: "/dev/feed0",
        VIDEO_CAMERA: "/dev/video10",
        VIDEO_CAMERAS: "/dev/video10",
        VIDEO_FEED: "/dev/feed0",
        VIDEO_FEEDS: "/dev/feed0",
      },
      devices: [
        { hostPath: "/dev/video10", containerPath: "/dev/video10", permissions: "rw" },
        { hostPath: "/dev/video138", containerPath: "/dev/feed0", permissions: "rw" },
      ],
    });
  });

  test("lists cameras and feeds in the same order", () => {
    const other = { path: "/dev/video{index}", feedPath: "/feeds/{n}", variable: "SCREEN_DEVICE" };
    expect(renderAllocation([ready(12), ready(11)], other).response.envs).toEqual({
      SCREEN_DEVICE: "/feeds/11",
      SCREEN_DEVICES: "/feeds/11,/feeds/12",
      SCREEN_CAMERA: "/dev/video0",
      SCREEN_CAMERAS: "/dev/video0,/dev/video1",
      SCREEN_FEED: "/feeds/11",
      SCREEN_FEEDS: "/feeds/11,/feeds/12",
    });
  });
});
