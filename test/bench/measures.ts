import type { Measure } from "./measure.ts";
import { allocate } from "./measures/allocate.ts";
import { allocateReset } from "./measures/allocate-reset.ts";
import { binarySize } from "./measures/binary-size.ts";
import { cameraPlug } from "./measures/camera-plug.ts";
import { cameraScan } from "./measures/camera-scan.ts";
import { deviceLoss } from "./measures/device-loss.ts";
import { handOver } from "./measures/hand-over.ts";
import { httpLoad } from "./measures/http-load.ts";
import { idleCpu } from "./measures/idle-cpu.ts";
import { kubeletRestart } from "./measures/kubelet-restart.ts";
import { memory } from "./measures/memory.ts";
import { pools } from "./measures/pools.ts";
import { relay } from "./measures/relay.ts";
import { startUp } from "./measures/start-up.ts";

/** All of them, in the table's order. */
export const measures: readonly Measure[] = [
  startUp,
  kubeletRestart,
  handOver,
  deviceLoss,
  cameraPlug,
  cameraScan,
  allocate,
  allocateReset,
  httpLoad,
  relay,
  memory,
  idleCpu,
  pools,
  binarySize,
];
