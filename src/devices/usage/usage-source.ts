/** Knows which devices pods own: the kubelet's pod-resources API, or a front that keeps account itself. */
export interface UsageSource {
  /**
   * IDs of the devices that pods own at this moment.
   *
   * @throws PluginError if the source does not answer; `pod_resources_busy` if only not now.
   */
  podDeviceIds(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Calls `notify` when the source has become able to answer again, until `signal` aborts. */
  watch(notify: () => void, signal: AbortSignal): void;
}
