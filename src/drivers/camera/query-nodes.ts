import type { Capabilities } from "../../v4l2/video-structs.ts";
import { askNodes, type ChildLimits, type NodeTrouble } from "./ask-nodes.ts";

/** What came of asking a node for its capabilities. */
export type NodeAnswer =
  | { readonly state: "answered"; readonly capabilities: Capabilities }
  | NodeTrouble;

/**
 * Asks nodes for their capabilities (QUERYCAP), in a child process, see {@link askNodes}.
 *
 * @param command Starts the child, which calls `answerQueries` with the paths that follow.
 * @returns the answers by path; a path is missing if no child could ask it.
 */
export function queryNodes(
  paths: readonly string[],
  command: readonly string[],
  limits?: ChildLimits,
): Promise<ReadonlyMap<string, NodeAnswer>> {
  return askNodes<{ readonly capabilities: Capabilities }>(paths, command, limits);
}
