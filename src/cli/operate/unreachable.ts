import { statSync } from "node:fs";
import { PluginError } from "../../common/plugin-error.ts";

/** The code of errors that say that no plugin answered, whatever was asked. */
export const unreachable = "plugin_unreachable";

/**
 * Why nobody answers on a socket, given the code with which Bun's `fetch` failed; undefined for a code that
 * tells nothing about the socket.
 */
export function explainUnreachable(
  code: string | undefined,
  socketPath: string,
  cause?: unknown,
): PluginError | undefined {
  const explained = explain(code, socketPath);
  return explained && new PluginError(unreachable, explained[0], { remedy: explained[1], cause });
}

/** The plugin is there and silent. @param seconds how long it was waited for. */
export function silent(socketPath: string, seconds: number): PluginError {
  return new PluginError(
    unreachable,
    `The plugin at ${socketPath} has not answered within ${seconds} s.`,
    { remedy: "See its log; it may be stopping, or the node short of processor time." },
  );
}

const elsewhere = "If its socket is elsewhere: --admin-socket PATH, or ADMIN_SOCKET=PATH.";

function explain(code: string | undefined, path: string): [string, string] | undefined {
  switch (code) {
    case "ENOENT":
      return [
        `No plugin answers at ${path}: there is no such socket. Is it running on this node?`,
        elsewhere,
      ];
    case "ECONNREFUSED":
      return isSocket(path)
        ? [
            `No plugin answers at ${path}: whoever made this socket is gone. Has it crashed?`,
            `See its log. ${elsewhere}`,
          ]
        : [`${path} is no socket.`, elsewhere];
    case "EACCES":
    case "EPERM":
      return [
        `User ${process.getuid?.()} may not use ${path}.`,
        "Run this as root: the admin API can take cameras away from pods.",
      ];
    case "ECONNRESET":
    case "ConnectionClosed":
      return [
        `The plugin at ${path} closed the connection before it had answered.`,
        "It was stopped, or it crashed: see its log.",
      ];
    default:
      return undefined;
  }
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return true;
  }
}
