import type { Status } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** One pool of a status. */
export interface PoolView {
  readonly name: string;
  /** The status as it would be with this pool alone. */
  readonly status: Status;
}

/** The pools of a status, to show one after the other; one view of all of it if there is only one pool. */
export function poolViews(status: Status): readonly [PoolView, ...PoolView[]] {
  const [first, ...others] = status.pools.map((pool): PoolView => {
    const { name, resourceName, driver, kubelet, devicesDetail, relay, otherOffers } = pool;
    const devices = status.devices.filter((device) => device.pool === name);
    const own = { resourceName, driver, kubelet, devicesDetail, relay, otherOffers, devices };
    return { name, status: { ...status, ...own, pools: [pool] } };
  });
  if (first === undefined || others.length === 0) return [{ name: first?.name ?? "", status }];
  return [first, ...others];
}
