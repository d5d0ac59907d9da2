import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { DeviceStatus } from "../../devices/inventory/device-status.ts";
import { legalId } from "../../v4l2/legal-id.ts";
import { renderAllocation } from "../render-allocation.ts";
import { cdiFileName, cdiKind, cdiName, cdiSpec, containerPaths, pathsIn } from "./cdi-spec.ts";

const status = {
  cleaning: "reset",
  health: "Healthy",
  reason: "ok",
  detail: "",
  fix: "none",
  since: 0,
  format: "",
} as const;

const links = "/run/video-device-plugin/devices";

const camera = (id: string, number: number): DeviceStatus => ({
  ...{ ...status, id, number },
  nodes: [{ hostPath: `${links}/${id}` }],
});

const withFurther = (id: string, number: number): DeviceStatus => ({
  ...camera(id, number),
  nodes: [
    { hostPath: `${links}/${id}` },
    { hostPath: `${links}/${id}@media-0`, containerPath: "/dev/media3" },
  ],
});

const loopback = (number: number): DeviceStatus => ({
  ...{ ...status, id: `video${number}`, number },
  nodes: [{ hostPath: `/dev/video${number}` }],
});

const ready = (number: number): DeviceStatus => ({
  ...loopback(number),
  nodes: [
    { hostPath: `/dev/video${number}`, role: "camera" },
    { hostPath: `/dev/video${number + 128}`, role: "feed" },
  ],
});

const pool = {
  ...{ name: "webcams", resourceName: "example.com/usb-cameras" },
  view: { path: "/dev/{node}", feedPath: "/dev/feed{n}" },
};

const anyDevice = fc.oneof(
  fc.integer({ min: 0, max: 127 }).map(loopback),
  fc.integer({ min: 0, max: 127 }).map(ready),
  fc
    .tuple(fc.string({ minLength: 1 }), fc.nat(255), fc.constantFrom(camera, withFurther))
    .map(([name, number, device]) => device(legalId(name), number)),
);
const someDevices = fc.uniqueArray(anyDevice, { minLength: 1, selector: ({ id }) => id });
const someView = fc.record({
  path: fc.constantFrom("/dev/{id}", "/dev/{node}", "/cams/{n}", "/dev/{id}-{n}"),
  feedPath: fc.constantFrom("/dev/feed{n}", "/feeds/{id}"),
});

describe("the file of a pool's CDI devices", () => {
  test("has each device with its nodes, and not the links that lead to them", () => {
    const nodes = new Map([
      [`${links}/front-door`, "/dev/video4"],
      [`${links}/front-door@media-0`, "/dev/media0"],
    ]);
    const nodeOf = (path: string) => nodes.get(path) ?? "";
    expect(cdiSpec(pool, [withFurther("front-door", 4)], new Map(), nodeOf)).toEqual({
      cdiVersion: "0.5.0",
      kind: "example.com/usb-cameras",
      devices: [
        {
          name: "front-door",
          containerEdits: {
            deviceNodes: [
              { path: "/dev/video4", hostPath: "/dev/video4", permissions: "rw", fileMode: 0o666 },
              { path: "/dev/media3", hostPath: "/dev/media0", permissions: "rw", fileMode: 0o666 },
            ],
          },
        },
      ],
    });
  });

  test("has both nodes of a ready camera under one name", () => {
    expect(cdiSpec(pool, [ready(10)])?.devices).toEqual([
      {
        name: "video10",
        containerEdits: {
          deviceNodes: [
            { path: "/dev/video10", hostPath: "/dev/video10", permissions: "rw", fileMode: 0o666 },
            { path: "/dev/feed10", hostPath: "/dev/video138", permissions: "rw", fileMode: 0o666 },
          ],
        },
      },
    ]);
  });

  test("is none for a pool without devices", () => {
    expect(cdiSpec(pool, [])).toBeUndefined();
  });

  test("has the paths that the device specs have, whatever else a container gets", () => {
    fc.assert(
      fc.property(someDevices, someView, (devices, view) => {
        const spec = cdiSpec({ ...pool, view }, devices);
        const nodes = spec?.devices.flatMap(({ containerEdits }) => containerEdits.deviceNodes);
        const { response } = renderAllocation(devices, { ...view, variable: "VIDEO_DEVICE" });
        const paths = (list: readonly (string | undefined)[] = []) => list.toSorted();
        expect(paths(nodes?.map(({ path }) => path))).toEqual(
          paths(response.devices?.map(({ containerPath }) => containerPath)),
        );
      }),
    );
  });

  test("has no field but those of version 0.5.0, and neither owner nor number of a node", () => {
    fc.assert(
      fc.property(someDevices, someView, (devices, view) => {
        const spec = cdiSpec({ ...pool, view }, devices);
        expect(Object.keys(spec ?? {})).toEqual(["cdiVersion", "kind", "devices"]);
        expect(spec?.devices.map(({ name }) => name)).toEqual(devices.map(({ id }) => id));
        for (const device of spec?.devices ?? []) {
          expect(Object.keys(device)).toEqual(["name", "containerEdits"]);
          expect(Object.keys(device.containerEdits)).toEqual(["deviceNodes"]);
          for (const node of device.containerEdits.deviceNodes) {
            expect(Object.keys(node)).toEqual(["path", "hostPath", "permissions", "fileMode"]);
          }
        }
      }),
    );
  });

  test("keeps the path of a device that a pod owns, under another number", () => {
    const before = JSON.stringify(cdiSpec(pool, [camera("a", 4)]));
    const spec = cdiSpec(pool, [camera("a", 6)], pathsIn(before), () => "/dev/video6");
    expect(spec?.devices[0]?.containerEdits.deviceNodes).toEqual([
      { path: "/dev/video4", hostPath: "/dev/video6", permissions: "rw", fileMode: 0o666 },
    ]);
  });

  test("keeps no paths of a device that had another number of nodes", () => {
    const kept = new Map([["video10", ["/dev/old"]]]);
    expect(cdiSpec(pool, [ready(10)], kept)).toEqual(cdiSpec(pool, [ready(10)]));
  });

  test("comes back with the paths that it was written with", () => {
    fc.assert(
      fc.property(someDevices, (devices) => {
        const paths = devices.map((device) => [device.id, containerPaths(pool, device)] as const);
        expect(pathsIn(JSON.stringify(cdiSpec(pool, devices)))).toEqual(new Map(paths));
      }),
    );
  });

  test.each([
    ...["", "{", "[]", "null", '{"devices":{}}', '{"devices":[null,{"name":1},{"name":"a"}]}'],
    '{"devices":[{"name":"a","containerEdits":{"deviceNodes":{}}}]}',
  ])("has no paths if it is another's: %s", (text) => {
    expect(pathsIn(text)).toEqual(new Map());
  });
});

describe("names in CDI", () => {
  test("are those of the resource, the pool and the device", () => {
    expect(cdiName(pool, "usb-046d-0825-A")).toBe("example.com/usb-cameras=usb-046d-0825-A");
    expect(cdiFileName(pool)).toBe("example.com-usb-cameras_webcams.json");
  });

  test("of files are different for different pools", () => {
    const one = cdiFileName({ resourceName: "example.com/usb", name: "cameras-a" });
    expect(one).not.toBe(cdiFileName({ resourceName: "example.com/usb-cameras", name: "a" }));
  });

  test.each([
    ["example.com/webcams", "example.com/webcams"],
    ["example.com/4k.cameras", "example.com/v4k-cameras"],
    ["4k.example.com/cams_2", "v4k.example.com/cams_2"],
  ])("have characters that CDI allows: %s", (resource, kind) => {
    expect(cdiKind(resource)).toBe(kind);
    // container-device-interface, pkg/parser/parser.go: ValidateVendorName, ValidateClassName before 0.6
    expect(kind).toMatch(/^[A-Za-z]([\w.-]*[A-Za-z0-9])?\/[A-Za-z]([\w-]*[A-Za-z0-9])?$/);
  });
});
