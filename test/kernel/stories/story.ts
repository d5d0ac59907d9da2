import type { GuestNode } from "./guest-node.ts";

/** A step of a story, and what must come of it. */
export interface StoryCheck {
  /** A sentence about the plugin. */
  readonly name: string;
  /** Rejects if it isn't so, resolves to a text that says what was measured, if anything. Begins where the check before it ended. */
  run(node: GuestNode): Promise<unknown>;
}

/** What happens on one node from its boot on. After a check that fails the rest is not played. */
export type Story = readonly StoryCheck[];
