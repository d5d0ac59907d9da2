import { create, type JsonWriteOptions, toJsonString } from "@bufbuild/protobuf";
import {
  GetStatusResponseSchema,
  type Status,
  StatusSchema,
} from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Proto JSON (https://protobuf.dev/programming-guides/json/) with fields that are false, 0 or empty, for filters. */
export const statusJsonOptions: Partial<JsonWriteOptions> = { alwaysEmitImplicit: true };

/** A status as indented JSON; ends with a line break. */
export function statusJson(status: Status): string {
  return `${toJsonString(StatusSchema, status, { ...statusJsonOptions, prettySpaces: 2 })}\n`;
}

/** A status as JSON on one line; ends with a line break. */
export function statusJsonLine(status: Status): string {
  return `${toJsonString(StatusSchema, status, statusJsonOptions)}\n`;
}

/** A status as the JSON answer of `GetStatus`. */
export function statusResponseJson(status: Status): string {
  return toJsonString(
    GetStatusResponseSchema,
    create(GetStatusResponseSchema, { status }),
    statusJsonOptions,
  );
}
