import type { ModuleVersion } from "../provision.ts";
import { firstStart } from "./first-start.ts";
import { loss } from "./loss.ts";
import { others } from "./others.ts";
import { pods } from "./pods.ts";
import { predecessor } from "./predecessor.ts";
import { restarts } from "./restarts.ts";
import { restricted } from "./restricted.ts";
import type { Story } from "./story.ts";
import { uevents } from "./uevents.ts";
import { withoutModule } from "./without-module.ts";

/** What a VM is booted for: one story, and the v4l2loopback its node has. */
export interface Play {
  readonly title: string;
  readonly moduleVersion: ModuleVersion | "none";
  readonly story: Story;
}

/** All stories there are for these versions. */
export function plays(versions: readonly ModuleVersion[]): Play[] {
  return [
    ...versions.flatMap((moduleVersion) => [
      {
        title: `a node with v4l2loopback ${moduleVersion}`,
        moduleVersion,
        story: [
          ...[...firstStart, ...pods, ...loss(moduleVersion), ...restarts, ...restricted],
          ...uevents(moduleVersion),
        ],
      },
      {
        title: `a node with v4l2loopback ${moduleVersion} and cameras of others`,
        moduleVersion,
        story: [...others(moduleVersion), ...predecessor(moduleVersion)],
      },
    ]),
    { title: "a node without v4l2loopback", moduleVersion: "none", story: withoutModule },
  ];
}
