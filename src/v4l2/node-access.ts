import { chmodSync, chownSync, statSync } from "node:fs";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";

/** Owner group and permissions of a device node. */
export interface NodeAccess {
  /** Permission bits: 0o666. */
  readonly mode: number;
  /** Group ID; undefined to keep the group. */
  readonly group: number | undefined;
}

/** The bits that chmod(2) sets. */
const permissionBits = 0o7777;

/** Octal with a leading 0, as in udev's rules: `0660`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** False if a node has another mode or group. True if there is no node. */
export function hasNodeAccess(path: string, access: NodeAccess): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return true;
  const rightGroup = access.group === undefined || access.group === stat.gid;
  return rightGroup && (stat.mode & permissionBits) === access.mode;
}

/**
 * Sets a node's mode and group if they differ. Setting them to the same values would wake the processes that watch the
 * directory.
 * @returns whether something changed.
 * @throws PluginError `node_access_failed`.
 */
export function applyNodeAccess(path: string, access: NodeAccess): boolean {
  try {
    const { mode, uid, gid } = statSync(path);
    const wrongGroup = access.group !== undefined && access.group !== gid;
    const wrongMode = (mode & permissionBits) !== access.mode;
    // The group first: chown(2) may clear permission bits.
    if (wrongGroup) chownSync(path, uid, access.group);
    if (wrongMode) chmodSync(path, access.mode);
    return wrongGroup || wrongMode;
  } catch (cause) {
    const reason = messageOf(cause);
    const wanted = `mode ${formatMode(access.mode)}${
      access.group === undefined ? "" : ` and group ${access.group}`
    }`;
    throw new PluginError("node_access_failed", `${path} can't be set to ${wanted}: ${reason}.`, {
      cause,
      remedy:
        errnoNameOf(cause) === "EROFS"
          ? "Mount the host's /dev without readOnly: true."
          : "Run as root with CAP_CHOWN and CAP_FOWNER.",
    });
  }
}
