import { statSync } from "node:fs";
import { PluginError } from "../../common/plugin-error.ts";

/** The error code if no plugin answers. */
export const unreachable = "plugin_unreachable";

/**
 * Why there is no answer on a socket, by the code of the failed `fetch` of Bun; undefined for a code that has nothing to
 * do with the socket.
 */
export function explainUnreachable(
  code: string | undefined,
  socketPath: string,
  cause?: unknown,
): PluginError | undefined {
  const explained = explain(code, socketPath);
  return explained && new PluginError(unreachable, explained[0], { remedy: explained[1], cause });
}

/** The error if the plugin listens and doesn't answer. @param seconds Duration of the wait. */
export function silent(socketPath: string, seconds: number): PluginError {
  return new PluginError(
    unreachable,
    `The plugin at ${socketPath} has not answered within ${seconds} s.`,
    { remedy: "See its log: it may be stopping, or the node may lack processor time." },
  );
}

const elsewhere = "If its socket is elsewhere: --admin-socket PATH, or ADMIN_SOCKET=PATH.";

function explain(code: string | undefined, path: string): [string, string] | undefined {
  switch (code) {
    case "ENOENT":
      return [
        `No plugin answers at ${path}: there is no such socket. Does it run on this node?`,
        elsewhere,
      ];
    case "ECONNREFUSED":
      return isSocket(path)
        ? [
            `No plugin answers at ${path}: no process listens on the socket. Has it crashed?`,
            `See its log. ${elsewhere}`,
          ]
        : [`${path} is no socket.`, elsewhere];
    case "EACCES":
    case "EPERM":
      return [
        `User ${process.getuid?.()} may not use ${path}.`,
        "Run this as root: the admin API can take devices from pods.",
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
