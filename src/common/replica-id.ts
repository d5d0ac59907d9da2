/**
 * A device that several containers may have at once is listed to the kubelet once for each: `<device ID>::<number>`, from 0.
 * No device's own ID ends like that.
 */
const replica = /^(.+)::(0|[1-9]\d*)$/;

/** The IDs under which the kubelet knows a device that `share` containers may have at once: its own if that is 1. */
export function replicaIds(deviceId: string, share: number): string[] {
  if (share === 1) return [deviceId];
  return Array.from({ length: share }, (_, number) => `${deviceId}::${number}`);
}

/** The device of a replica; any other ID is a device's own. */
export function deviceOfReplica(id: string): string {
  return replica.exec(id)?.[1] ?? id;
}
