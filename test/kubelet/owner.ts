import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runDir } from "./paths.ts";
import { livingProcess } from "./processes.ts";

const file = join(runDir, "owner");

/** Notes that this process uses the machine's node from now on. */
export function claim(): void {
  writeFileSync(file, `${process.pid} ${livingProcess(process.pid)?.started}\n`);
}

/** The ID of another living process that uses the node, if there is one. */
export function otherOwner(): number | undefined {
  if (!existsSync(file)) return undefined;
  const [pid = "", started] = readFileSync(file, "utf8").trim().split(" ");
  if (Number(pid) === process.pid) return undefined;
  return livingProcess(Number(pid))?.started === started ? Number(pid) : undefined;
}
