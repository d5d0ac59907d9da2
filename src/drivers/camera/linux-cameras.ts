import { statSync } from "node:fs";
import { decodeDevice } from "../../linux/device-number.ts";
import type { LinuxCalls } from "../../linux/linux-calls.ts";
import { ueventSource } from "../../linux/uevents.ts";
import { askNodes } from "./ask-nodes.ts";
import type { CatalogDeps } from "./camera-catalog.ts";
import type { CameraDriverDeps } from "./camera-driver.ts";

/**
 * What a catalog and its drivers need of this machine.
 *
 * @param program Starts this program, for {@link askNodes}.
 */
export function linuxCameras(
  program: readonly string[],
  calls: Pick<LinuxCalls, "openUevents">,
): Pick<CatalogDeps, "query"> &
  Pick<CameraDriverDeps, "queryInputs" | "resetControls" | "nodeNumber" | "openUevents"> {
  return {
    query: (paths) => askNodes("capabilities", paths, program),
    queryInputs: (paths) => askNodes("input", paths, program),
    resetControls: async (path, startMs) =>
      (await askNodes("reset", [path], program, { startMs })).get(path),
    nodeNumber(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isCharacterDevice() ? decodeDevice(stat.rdev) : undefined;
    },
    openUevents: () => ueventSource(calls.openUevents()),
  };
}
