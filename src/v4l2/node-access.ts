import { chmodSync, chownSync, statSync } from "node:fs";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";

/** Who may open a device node. */
export interface NodeAccess {
  /** Permission bits: 0o666. */
  readonly mode: number;
  /** Group ID; undefined leaves the group as it is. */
  readonly group: number | undefined;
}

/** The bits chmod(2) sets. */
const PERMISSIONS = 0o7777;

/** As people and udev write it: `0660`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Whether a node has its mode and group; one that can't be looked at has nothing to lose. */
export function hasNodeAccess(path: string, access: NodeAccess): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return true;
  const rightGroup = access.group === undefined || access.group === stat.gid;
  return rightGroup && (stat.mode & PERMISSIONS) === access.mode;
}

/**
 * Gives a node its mode and group, if it hasn't got them: a change nobody needed would still wake
 * whoever watches the directory.
 * @returns whether something was changed.
 * @throws PluginError `node_access_failed`.
 */
export function applyNodeAccess(path: string, access: NodeAccess): boolean {
  try {
    const { mode, uid, gid } = statSync(path);
    const wrongGroup = access.group !== undefined && access.group !== gid;
    const wrongMode = (mode & PERMISSIONS) !== access.mode;
    // The group first: chown(2) may clear bits that chmod then sets.
    if (wrongGroup) chownSync(path, uid, access.group);
    if (wrongMode) chmodSync(path, access.mode);
    return wrongGroup || wrongMode;
  } catch (cause) {
    const reason = messageOf(cause);
    const wanted = `mode ${formatMode(access.mode)}${
      access.group === undefined ? "" : ` and group ${access.group}`
    }`;
    throw new PluginError(
      "node_access_failed",
      `${path} could not be given ${wanted}: ${reason}.`,
      {
        cause,
        remedy:
          errnoNameOf(cause) === "EROFS"
            ? "Mount the host's /dev without readOnly: true."
            : "Run as root with CAP_CHOWN and CAP_FOWNER.",
      },
    );
  }
}
