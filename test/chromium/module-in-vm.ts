import { copyFileSync } from "node:fs";
import { release } from "node:os";
import { Stage } from "../kernel/driver/stage.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { eventually } from "../kernel/stories/eventually.ts";

/** Puts this version of v4l2loopback where the driver finds it, in place of another one. */
export function stageWith(version: ModuleVersion): Stage {
  const stage = new Stage(version);
  copyFileSync(
    `/v4l2loopback/${version}.ko`,
    `/lib/modules/${release()}/updates/dkms/v4l2loopback.ko`,
  );
  return stage;
}

/** Unloads the module. A browser closes a device some time after its page has stopped the track. */
export async function cleared(stage: Stage): Promise<void> {
  await eventually("the module's end", () => {
    stage.clear();
    return true;
  });
}
