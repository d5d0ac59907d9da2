/** A device that a pod owns, under whatever resource name. */
export interface PodDevice {
  /** The pod: `default/recorder`. */
  readonly pod: string;
  /** The resource name under which the pod owns it; undefined if that is this plugin's own. */
  readonly otherResource: string | undefined;
}
