import { join } from "node:path";
import { readSmallFile } from "../common/files.ts";

/** True if this process was started with the signal ignored, as nohup does with SIGHUP (`SigIgn` in proc(5)). */
export function ignoresSignal(number: number, procDir = "/proc"): boolean {
  const status = readSmallFile(join(procDir, "self/status")) ?? "";
  const mask = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return ((mask >> BigInt(number - 1)) & 1n) === 1n;
}
