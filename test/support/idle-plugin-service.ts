import type { PluginServerDeps } from "../../src/device-plugin/plugin-server.ts";

/** The service of a plugin without devices; `methods` replace its own. */
export function idlePluginService(methods: object = {}): ReturnType<PluginServerDeps["service"]> {
  return {
    getDevicePluginOptions: () => ({}),
    async *listAndWatch() {},
    getPreferredAllocation: () => ({}),
    allocate: () => ({}),
    preStartContainer: () => ({}),
    ...methods,
  };
}
