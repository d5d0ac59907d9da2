import type { Sources } from "../../config/load-config.ts";
import type { Problem } from "../../config/problem.ts";
import { type ArgumentsSpec, parseToolArguments, type ToolArguments } from "./arguments.ts";
import { type FrameOptions, parseFrameFlags } from "./frame-flags.ts";
import { findTarget, type Target } from "./target.ts";

/** What a command has that writes or reads frames of one device. */
export interface FrameCommand extends ToolArguments {
  readonly frame: FrameOptions;
  readonly target: Target;
}

export type FrameCommandResult =
  | { readonly ok: true; readonly command: FrameCommand }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the command line of a tool whose only argument without a flag is a device.
 * @throws PluginError `device_not_found` for what can't name one.
 */
export function parseFrameCommand(sources: Sources, spec: ArgumentsSpec): FrameCommandResult {
  const parsed = parseToolArguments(sources, spec);
  if (!parsed.ok) return parsed;
  const { positionals, flags, config } = parsed.arguments;
  const frame = parseFrameFlags(flags);
  if (!frame.ok) return frame;
  const target = findTarget(positionals[0] ?? "", config);
  return { ok: true, command: { ...parsed.arguments, frame: frame.options, target } };
}
