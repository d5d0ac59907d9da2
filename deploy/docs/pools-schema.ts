import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import {
  devicesPoolSchema,
  fileSchema,
  loopbackPoolSchema,
} from "../../src/config/pools/declaration.ts";
import { schemaAddress } from "../../src/config/pools/schema-address.ts";

/** Path of the JSON Schema of the config file, relative to the checkout. */
export const poolsSchemaPath = "docs/video-device-plugin.schema.json";

/** JSON Schema (draft 7, which editors know best) of the config file, from the declaration by which the program reads it. */
export function poolsSchema(): object {
  const context = { lookupGroup: () => undefined };
  const pool = v.union([loopbackPoolSchema(context), devicesPoolSchema(context)]);
  const schema = toJsonSchema(fileSchema(context, pool), {
    // The types of options parse and check; their own JSON Schema stands beside them.
    ignoreActions: ["raw_transform", "raw_check"],
  });
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: schemaAddress,
    title: "Pools of video-device-plugin",
    ...schema,
  };
}

/** The file; ends with a line break. */
export function renderPoolsSchema(): string {
  return `${JSON.stringify(poolsSchema(), undefined, 2)}\n`;
}
