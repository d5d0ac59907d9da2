import { statSync } from "node:fs";
import { decodeDevice } from "../../linux/device-number.ts";
import type { LinuxCalls } from "../../linux/linux-calls.ts";
import { ueventSource } from "../../linux/uevents.ts";
import type { ControlReset } from "./answer-queries.ts";
import { askNodes } from "./ask-nodes.ts";
import type { CatalogDeps } from "./camera-catalog.ts";
import type { CameraDriverDeps } from "./camera-driver.ts";
import type { InputAnswer } from "./camera-signals.ts";
import { queryNodes } from "./query-nodes.ts";

/**
 * What a catalog and its drivers need of this machine.
 *
 * @param program Starts this program; its commands `query-nodes`, `query-inputs` and `reset-controls` are the child processes.
 */
export function linuxCameras(
  program: readonly string[],
  calls: Pick<LinuxCalls, "openUevents">,
): Pick<CatalogDeps, "query"> &
  Pick<CameraDriverDeps, "queryInputs" | "resetControls" | "nodeNumber" | "openUevents"> {
  return {
    query: (paths) => queryNodes(paths, [...program, "query-nodes"]),
    queryInputs: (paths) => askNodes<InputAnswer>(paths, [...program, "query-inputs"]),
    async resetControls(path, startMs) {
      const command = [...program, "reset-controls"];
      return (await askNodes<ControlReset>([path], command, { startMs })).get(path);
    },
    nodeNumber(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isCharacterDevice() ? decodeDevice(stat.rdev) : undefined;
    },
    openUevents: () => ueventSource(calls.openUevents()),
  };
}
