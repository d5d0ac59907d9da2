import type { Config } from "../../config/config.ts";
import type { CameraPool, LoopbackPool, PoolConfig } from "../../config/pool-config.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import {
  type LoopbackKernel,
  listVideoDevices,
  readLoopbackFacts,
} from "../../drivers/loopback/index.ts";
import { findHolders } from "../../v4l2/holders.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { findCameras } from "../devices/find-cameras.ts";
import { type CameraPlace, cameraPools, placeCameras } from "../devices/place-cameras.ts";
import { askContainerRuntime } from "./container-runtime.ts";
import type { CdiFacts } from "./examine-cdi.ts";
import { type Facts, gatherFacts, mayWrite, placeholderTrouble } from "./facts.ts";

/** All that the doctor checks on a node with a config file. */
export interface PoolsFacts {
  /** What is true of the node. Those of its facts that are about one pool are the first loopback pool's, or mean nothing. */
  readonly node: Facts;
  /** The pools of loopback devices, each with the facts of its own. */
  readonly loopback: readonly { readonly name: string; readonly facts: Facts }[];
  readonly cameraPools: readonly CameraPool[];
  /** The devices with hardware behind them; those that are free have been asked, if a pool has real devices. */
  readonly cameras: readonly PhysicalDevice<CameraNode>[];
  /** The pools of those, by identity. */
  readonly places: ReadonlyMap<string, CameraPlace>;
  /** Undefined if no pool has CDI. */
  readonly cdi: CdiFacts | undefined;
}

/**
 * Gathers the facts of all pools, as {@link gatherFacts} does of one.
 *
 * @param runtimeSockets Where a container runtime may listen. Default: where those of Kubernetes do.
 */
export async function gatherPools(
  config: Config,
  pools: readonly PoolConfig[],
  kernel?: LoopbackKernel,
  runtimeSockets?: readonly string[],
): Promise<PoolsFacts> {
  const gathered = await gatherFacts(config, kernel);
  const isAsked = cameraPools(pools).length > 0;
  const numbers = isAsked ? listVideoDevices(config, kernel) : [];
  const holders = findHolders(numbers.flatMap(({ device }) => device ?? []));
  const cameras = isAsked ? await findCameras(config, holders) : gathered.cameras;
  const node = { ...gathered, cameras };
  const ofPool = ({ name, options }: LoopbackPool) => {
    const own = { ...config, ...options };
    const placeholder = placeholderTrouble(own);
    const facts = { ...node, ...readLoopbackFacts(own, kernel), config: own, placeholder };
    return { name, facts };
  };
  return {
    ...{ node, cameras, cameraPools: cameraPools(pools) },
    loopback: pools.filter((pool) => pool.kind === "loopback").map(ofPool),
    places: placeCameras(cameras, pools, config),
    cdi: pools.some(({ cdi }) => cdi === "auto")
      ? {
          runtime: await askContainerRuntime(runtimeSockets),
          isWritable: mayWrite(config.cdiDir),
        }
      : undefined,
  };
}
