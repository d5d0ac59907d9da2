import { expect, test } from "bun:test";
import { isExtendedResourceName } from "./extended-resource-name.ts";

test.each(["meeting-baas.io/video-devices", "nvidia.com/gpu", "a/b"])("%s is accepted", (name) => {
  expect(isExtendedResourceName(name)).toBe(true);
});

test.each([
  "video-devices",
  "kubernetes.io/video",
  "x.kubernetes.io/video",
  "requests.example.com/video",
  "Example.com/video",
  "example.com/video/devices",
  "example.com/",
  "example.com/-video",
  `example.com/${"v".repeat(64)}`,
  `${"a".repeat(245)}/video`,
])("%s is refused", (name) => {
  expect(isExtendedResourceName(name)).toBe(false);
});
