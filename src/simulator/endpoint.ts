import {
  type AllocateResponse,
  DevicePlugin,
  type DevicePluginOptions,
  type PreferredAllocationResponse,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { PluginChannel } from "./plugin-channel.ts";

/** Limit of PreStartContainer, ms: constants.go, KubeletPreStartContainerRPCTimeoutInSecs. */
const preStartTimeoutMs = 30_000;

/**
 * The device manager's view of a resource's plugin: endpoint.go. Once stopped, calls fail here, without
 * reaching the plugin, until it registers again.
 */
export class Endpoint {
  readonly resource: string;
  /** The plugin's answer to GetDevicePluginOptions; undefined after a restart of the kubelet. */
  readonly options: DevicePluginOptions | undefined;
  readonly #channel: PluginChannel | undefined;
  /** When it was stopped, in the clock's milliseconds; undefined while it runs. */
  stopTimeMs: number | undefined;

  constructor(resource: string, channel?: PluginChannel, options?: DevicePluginOptions) {
    this.resource = resource;
    this.options = options;
    this.#channel = channel;
  }

  /** The endpoint of a resource that only the checkpoint names. */
  static stopped(resource: string, stopTimeMs: number): Endpoint {
    return Object.assign(new Endpoint(resource), { stopTimeMs });
  }

  allocate(deviceIds: readonly string[]): Promise<AllocateResponse> {
    const containerRequests = [{ devicesIds: [...deviceIds] }];
    return this.#running().unary(DevicePlugin.method.allocate, { containerRequests });
  }

  getPreferredAllocation(
    available: readonly string[],
    mustInclude: readonly string[],
    size: number,
  ): Promise<PreferredAllocationResponse> {
    return this.#running().unary(DevicePlugin.method.getPreferredAllocation, {
      containerRequests: [
        {
          availableDeviceIDs: [...available],
          mustIncludeDeviceIDs: [...mustInclude],
          allocationSize: size,
        },
      ],
    });
  }

  async preStartContainer(deviceIds: readonly string[]): Promise<void> {
    await this.#running().unary(
      DevicePlugin.method.preStartContainer,
      { devicesIds: [...deviceIds] },
      { deadlineMs: preStartTimeoutMs },
    );
  }

  #running(): PluginChannel {
    if (this.#channel === undefined || this.stopTimeMs !== undefined) {
      // The real message has Go's dump of the endpoint here, which begins with the name.
      throw new Error(`endpoint ${this.resource} has been stopped`);
    }
    return this.#channel;
  }
}
