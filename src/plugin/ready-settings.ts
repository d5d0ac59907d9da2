import type { Config } from "../config/config.ts";
import type { ReadySettings } from "../drivers/loopback/index.ts";

/** What the configuration says of ready cameras; undefined if devices are plain ones. */
export function readySettings(config: Config): ReadySettings | undefined {
  if (!config.readyCameras) return undefined;
  return {
    ...config.readySize,
    pixelFormat: config.readyPixelFormat,
    rate: config.readyRate,
    placeholder: config.readyPlaceholder,
    idleMs: config.readyIdleTime * 1000,
    placeholderRate: config.readyPlaceholderRate,
  };
}
