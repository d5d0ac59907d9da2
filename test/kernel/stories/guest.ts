import { mkdirSync } from "node:fs";
import { runCheck } from "../guest-result.ts";
import type { ModuleVersion } from "../provision.ts";
import { GuestNode } from "./guest-node.ts";
import { realDeviceStories, storiesOf } from "./stories.ts";

/**
 * Plays one story as a program (../guest.ts), with the plugin beside it: `story VERSION NAME`. It prints a line of JSON
 * a check, and ends with 1 if one failed.
 */
export async function main([version, name]: readonly string[]) {
  const all = [...storiesOf(version as ModuleVersion | "none"), ...realDeviceStories];
  const story = all.find((one) => one.name === name);
  if (story === undefined) throw new Error(`there is no story "${name}"`);
  mkdirSync("/var/lib/kubelet", { recursive: true });
  const node = new GuestNode();
  for (const check of story.checks) {
    const result = await runCheck(check.name, () => check.run(node));
    console.log(JSON.stringify(result));
    if (result.error !== undefined) return 1;
  }
  return 0;
}
