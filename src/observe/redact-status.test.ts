import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { redactStatus } from "./redact-status.ts";

const status = create(StatusSchema, {
  nodeName: "node-a",
  devices: [
    {
      id: "video10",
      owner: { namespace: "bots", pod: "bot-1", container: "app" },
      cordon: { note: "bot-1 complains" },
      resets: 2,
    },
    {
      id: "video11",
      reason: "other_resource",
      detail: "The pod bots/bot-2 owns it under the resource name example.com/old.",
    },
    {
      id: "video12",
      reason: "held",
      detail: "It is held open by bot-3 (process 812), of no pod that the kubelet lists.",
    },
  ],
  events: [
    {
      message: "Device owned by pod",
      fields: { device_id: "video10", pod: "bot-1", reason: "listed" },
    },
    { message: "Starting", fields: { version: "1", admin_socket: "/run/a.sock" } },
  ],
});

test("a redacted status has devices and what happened to them, and no names", () => {
  const redacted = redactStatus(status);
  expect(redacted).toMatchObject({
    nodeName: "node-a",
    devices: [
      { id: "video10", cordon: { note: "" }, resets: 2 },
      { id: "video11", detail: "A pod owns it under another resource name." },
      { id: "video12", detail: "It is held open by a process of no pod that the kubelet lists." },
    ],
    events: [
      { message: "Device owned by pod", fields: { device_id: "video10", reason: "listed" } },
      { message: "Starting", fields: {} },
    ],
  });
  expect(redacted.devices[0]?.owner).toBeUndefined();
  expect(redacted.events[1]?.fields).toEqual({});
});

test("the original status stays as it is", () => {
  redactStatus(status);
  expect(status.devices[0]?.owner?.pod).toBe("bot-1");
});
