import { expect, test } from "bun:test";
import { checksum, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const entry = {
  PodUID: "uid-1",
  ContainerName: "app",
  ResourceName: "meeting-baas.io/video-devices",
  DeviceIDs: { "-1": ["video10"], "1": ["video11", "video12"], "0": ["video13"] },
  AllocResp: "CgQB/w==",
};
const registered = { "meeting-baas.io/video-devices": ["video10", "video11"], "a/b": [] };

// Made by k8s.io/kubernetes v1.33.4, pkg/kubelet/cm/devicemanager/checkpoint, MarshalCheckpoint.
const written =
  '{"Data":{"PodDeviceEntries":[{"PodUID":"uid-1","ContainerName":"app",' +
  '"ResourceName":"meeting-baas.io/video-devices",' +
  '"DeviceIDs":{"-1":["video10"],"0":["video13"],"1":["video11","video12"]},"AllocResp":"CgQB/w=="}],' +
  '"RegisteredDevices":{"a/b":[],"meeting-baas.io/video-devices":["video10","video11"]}},' +
  '"Checksum":2015424019}';

test("a checkpoint equals the one of kubelet 1.33.4", () => {
  const text = encodeCheckpoint({ PodDeviceEntries: [entry], RegisteredDevices: registered });
  expect(JSON.parse(text)).toEqual(JSON.parse(written));
});

test("checksums equal those of kubelet 1.33.4", () => {
  expect(checksum({ PodDeviceEntries: null, RegisteredDevices: {} })).toBe(3467439661);
  const other = {
    PodUID: "uid-2",
    ContainerName: 'b"q',
    ResourceName: "r/x",
    DeviceIDs: {},
    AllocResp: "",
  };
  expect(checksum({ PodDeviceEntries: [entry, other], RegisteredDevices: registered })).toBe(
    1198046038,
  );
});

test("a checkpoint is read back, and rejected if it was changed", () => {
  expect(decodeCheckpoint(written).PodDeviceEntries).toEqual([entry]);
  expect(() => decodeCheckpoint(written.replace("video13", "video14"))).toThrow("corrupted");
});
