import { connect } from "node:net";

/** Longest wait for the connection, ms. */
const timeoutMs = 2000;

/** The answer of {@link connects} if there is no socket at all. */
export const noSocket = "there is no such socket";

/** The answer if the socket, or a directory above it, isn't for this user. */
export const noAccess = `user ${process.getuid?.()} may not use it`;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: noSocket,
  ECONNREFUSED: "no process listens on it",
  EACCES: noAccess,
};

/** Resolves to an empty text if the socket accepts connections, else to the reason in a few words. */
export function connects(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end("it does not answer"));
    socket.once("connect", () => end(""));
    socket.once("error", ({ code = "", message }: NodeJS.ErrnoException) =>
      end(reasons[code] ?? (code || message)),
    );
  });
}
