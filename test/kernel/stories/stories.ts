import type { ModuleVersion } from "../provision.ts";
import { suiteSeconds } from "../suite.ts";
import { codecs } from "./codecs.ts";
import { firstStart } from "./first-start.ts";
import { hdmi } from "./hdmi.ts";
import { held } from "./held.ts";
import { loss } from "./loss.ts";
import { numbers } from "./numbers.ts";
import { others } from "./others.ts";
import { pods } from "./pods.ts";
import { pools } from "./pools.ts";
import { predecessor } from "./predecessor.ts";
import { ready } from "./ready.ts";
import { restarts } from "./restarts.ts";
import { restricted } from "./restricted.ts";
import { staleNode } from "./stale-node.ts";
import type { Story } from "./story.ts";
import { takeOver } from "./take-over.ts";
import { uevents } from "./uevents.ts";
import { webcams } from "./webcams.ts";
import { withoutModule } from "./without-module.ts";

/** A story as it is played on one version of the module. */
export interface NamedStory {
  readonly name: string;
  readonly checks: Story;
  /** True if the gate leaves it out. Default: false. */
  readonly fullRunOnly?: boolean;
  /** As in `Suite`. */
  readonly needsCodecs?: boolean;
  /** Default: that of a suite. */
  readonly timeoutSeconds?: number;
}

/** With real devices beside v4l2loopback, whatever its version. The gate plays none of them. */
export const realDeviceStories: readonly NamedStory[] = [
  { name: "hdmi", checks: hdmi },
  { name: "codecs", checks: codecs, needsCodecs: true },
  { name: "webcams", checks: webcams },
  { name: "stale-node", checks: staleNode },
].map((story) => ({ ...story, timeoutSeconds: 4 * suiteSeconds }));

/** All stories there are for a version, or for a node that has no such module. */
export function storiesOf(moduleVersion: ModuleVersion | "none"): NamedStory[] {
  if (moduleVersion === "none") return [{ name: "without-module", checks: withoutModule }];
  return [
    {
      name: "node",
      checks: [
        ...[...firstStart, ...pods, ...loss(moduleVersion), ...restarts, ...restricted],
        ...uevents(moduleVersion),
      ],
    },
    // A module without a control device adds and removes no single device.
    ...(moduleVersion === "0.12.7" ? [] : [{ name: "numbers", checks: numbers }]),
    { name: "others", checks: [...others(moduleVersion), ...predecessor(moduleVersion)] },
    { name: "ready", checks: [...ready, ...takeOver(moduleVersion)] },
    { name: "held", checks: held(moduleVersion) },
    // Twice it waits for the 20 s after which a device that the kubelet no longer lists is free.
    { name: "pools", checks: pools(moduleVersion), fullRunOnly: true },
  ];
}
