import { cleaning } from "./cleaning.ts";
import { creation } from "./creation.ts";
import { kills } from "./kills.ts";
import type { Scenario } from "./scenario.ts";

/** One list for every version. */
export const scenarios: readonly Scenario[] = [...creation, ...cleaning, ...kills];
