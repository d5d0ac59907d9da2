import { type JsonWriteOptions, toJsonString } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/** What is false, 0 or empty is said as well, so that a filter finds it. */
const OPTIONS: Partial<JsonWriteOptions> = { alwaysEmitImplicit: true };

/** A status as proto JSON (https://protobuf.dev/programming-guides/json/), indented; ends with a line break. */
export function statusJson(status: Status): string {
  return `${toJsonString(StatusSchema, status, { ...OPTIONS, prettySpaces: 2 })}\n`;
}

/** The same on one line. */
export function statusJsonLine(status: Status): string {
  return `${toJsonString(StatusSchema, status, OPTIONS)}\n`;
}
