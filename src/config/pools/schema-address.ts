import { repository } from "../../../package.json";

/** Where editors find the JSON Schema of the file. */
export const schemaAddress = `https://raw.githubusercontent.com/${repository.replace(/^github:/, "")}/main/docs/video-device-plugin.schema.json`;
