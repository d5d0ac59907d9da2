import { cleaning } from "./cleaning.ts";
import { creation } from "./creation.ts";
import { kills } from "./kills.ts";
import { losses } from "./losses.ts";
import { moduleFiles } from "./module-files.ts";
import { nodes } from "./nodes.ts";
import { programs } from "./programs.ts";
import { ready } from "./ready.ts";
import type { Scenario } from "./scenario.ts";
import { usingPageScenarios } from "./using-page.ts";

/** Each list is one for every version; a VM plays one of them. */
export const lists = {
  driver: [...creation, ...moduleFiles, ...nodes, ...cleaning, ...losses, ...kills],
  ready,
  programs,
  using: usingPageScenarios,
} as const satisfies Record<string, readonly Scenario[]>;

export type ListName = keyof typeof lists;
