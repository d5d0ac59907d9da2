import type { LogFields } from "../common/logger.ts";
import type { Config } from "./config.ts";
import type { Origins } from "./load-config.ts";
import { optionKeys, options } from "./options.ts";
import { describeOrigin } from "./origin.ts";

/** A configuration as two sets of log fields with the same snake_case names. */
export interface ConfigDescription {
  /** `max_devices: 8`, `v4l2_device_perm: "0666"`, … */
  readonly values: LogFields;
  /** `max_devices: "the environment variable MAX_DEVICES"`, … */
  readonly origins: LogFields;
}

/** The effective configuration and where each value came from, in the table's order. */
export function describeConfig(config: Config, origins: Origins): ConfigDescription {
  return {
    values: Object.fromEntries(optionKeys.map((key) => [fieldName(key), shown(key, config)])),
    origins: Object.fromEntries(
      optionKeys.map((key) => [fieldName(key), describeOrigin(origins[key])]),
    ),
  };
}

function shown<K extends keyof Config>(key: K, config: Config) {
  const { type } = options[key];
  return type.show === undefined ? config[key] : type.show(config[key]);
}

function fieldName(key: keyof Config): string {
  return options[key].flag.replaceAll("-", "_");
}
