import { create, type JsonWriteOptions, toJsonString } from "@bufbuild/protobuf";
import {
  GetStatusResponseSchema,
  type Status,
  StatusSchema,
} from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Proto JSON (https://protobuf.dev/programming-guides/json/) that says what is false, 0 or empty, too, for filters. */
export const statusJsonOptions: Partial<JsonWriteOptions> = { alwaysEmitImplicit: true };

/** A status, indented; ends with a line break. */
export function statusJson(status: Status): string {
  return `${toJsonString(StatusSchema, status, { ...statusJsonOptions, prettySpaces: 2 })}\n`;
}

/** The same on one line. */
export function statusJsonLine(status: Status): string {
  return `${toJsonString(StatusSchema, status, statusJsonOptions)}\n`;
}

/** What `GetStatus` answers. */
export function statusResponseJson(status: Status): string {
  return toJsonString(
    GetStatusResponseSchema,
    create(GetStatusResponseSchema, { status }),
    statusJsonOptions,
  );
}
