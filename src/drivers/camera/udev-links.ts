import { join } from "node:path";
import type { DeviceRule } from "../../v4l2/selects.ts";
import { linkName, listNames } from "../../v4l2/video-node.ts";

/** Links that udev has made, by the name of the node that they lead to: `/dev/v4l/by-id/…` of `video0`. */
export type UdevLinks = ReadonlyMap<string, readonly string[]>;

/** True if one of the rules names a link. */
export function needsLinks(rules: readonly DeviceRule[]): boolean {
  return rules.some(({ link }) => link !== undefined);
}

/** Reads the links of all nodes; none where there is no udev. */
export function readLinks(deviceDir: string): UdevLinks {
  const links = new Map<string, string[]>();
  for (const kind of ["by-id", "by-path"]) {
    for (const name of listNames(join(deviceDir, "v4l", kind))) {
      const target = linkName(join(deviceDir, "v4l", kind, name));
      if (target === undefined) continue;
      links.set(target, [...(links.get(target) ?? []), `/dev/v4l/${kind}/${name}`]);
    }
  }
  return links;
}
