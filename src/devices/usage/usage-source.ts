import type { PodDevice } from "../../common/pod-device.ts";

/** Knows which devices pods own: the kubelet's pod-resources API, or a front that keeps account itself. */
export interface UsageSource {
  /**
   * The devices that pods own at this moment, by ID, under whatever resource name. If pods own one under this plugin's
   * resource name and under another, the other one counts: that pod has nothing to do with this plugin.
   *
   * @throws PluginError if the source does not answer; `pod_resources_busy` if only not now.
   */
  podDevices(signal: AbortSignal): Promise<ReadonlyMap<string, PodDevice>>;
  /** Calls `notify` when the source has become able to answer again, until `signal` aborts. */
  watch(notify: () => void, signal: AbortSignal): void;
}
