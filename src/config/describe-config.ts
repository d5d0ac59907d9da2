import type { LogFields } from "../common/logger.ts";
import type { Config } from "./config.ts";
import type { Origins } from "./load-config.ts";
import { type Option, optionKeys, options } from "./options.ts";
import { describeOrigin } from "./origin.ts";
import type { PoolConfig } from "./pool-config.ts";

/** A configuration as two sets of log fields with the same snake_case names. */
export interface ConfigDescription {
  /** `max_devices: 8`, `v4l2_device_perm: "0666"`, … */
  readonly values: LogFields;
  /** `max_devices: "the environment variable MAX_DEVICES"`, … */
  readonly origins: LogFields;
}

/**
 * The effective configuration and where each value came from, in the table's order. What a file says of its pools is not
 * among them: {@link describePool} has it.
 */
export function describeConfig(config: Config, origins: Origins): ConfigDescription {
  const keys = optionKeys.filter((key) => origins[key].source !== "config_file");
  return {
    values: fieldsOf(keys, config),
    origins: Object.fromEntries(keys.map((key) => [fieldName(key), describeOrigin(origins[key])])),
  };
}

/** A pool as log fields, by the same names. What a pool of ready cameras has beside them is left out if they are off. */
export function describePool({ name, kind, options: values, ...settings }: PoolConfig): LogFields {
  const isReady = "readyCameras" in values && values.readyCameras;
  const isOff = (key: keyof Config) =>
    !isReady && key !== "readyCameras" && options[key].group === "Ready cameras";
  const keys = optionKeys.filter((key) => key in values && !isOff(key));
  const own = Object.entries(settings).map(([key, value]) => [snakeCase(key), value]);
  return { pool: name, kind, ...fieldsOf(keys, values), ...Object.fromEntries(own) };
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function fieldsOf(keys: readonly (keyof Config)[], values: Partial<Config>): LogFields {
  return Object.fromEntries(
    keys.map((key) => {
      const { type }: Option<unknown> = options[key];
      return [fieldName(key), type.show === undefined ? values[key] : type.show(values[key])];
    }),
  );
}

function fieldName(key: keyof Config): string {
  return options[key].flag.replaceAll("-", "_");
}
