import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { DeviceSchema, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceKind, stateWord } from "./device-state.ts";

test("a device is shown by its health first, then by its use, in a word of its own", () => {
  const shown = (healthy: boolean, reason: string, use: Use) => {
    const device = create(DeviceSchema, { healthy, reason, use });
    return [deviceKind(device), stateWord(device)];
  };
  expect(shown(true, "ok", Use.IN_USE)).toEqual(["in-use", "in use"]);
  expect(shown(true, "ok", Use.FREE)).toEqual(["free", "free"]);
  expect(shown(true, "ok", Use.UNSPECIFIED)).toEqual(["ready", "ready"]);
  expect(shown(false, "cordoned", Use.IN_USE)).toEqual(["cordoned", "cordoned"]);
  expect(shown(false, "retired", Use.FREE)).toEqual(["retired", "retired"]);
  expect(shown(false, "stuck_writer", Use.IN_USE)).toEqual(["unhealthy", "stuck writer"]);
  expect(shown(false, "", Use.FREE)).toEqual(["unhealthy", "unhealthy"]);
});
