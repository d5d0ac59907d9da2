import { connect } from "node:net";

/** How long a socket may take, ms. */
const TIMEOUT_MS = 2000;

/** What {@link connects} says where there is no socket at all. */
export const NO_SOCKET = "there is no such socket";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: NO_SOCKET,
  ECONNREFUSED: "nobody listens on it",
  EACCES: `user ${process.getuid?.()} may not use it`,
};

/** Empty if somebody accepts connections on the socket, else why not, in a few words. */
export function connects(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end("it does not answer"));
    socket.once("connect", () => end(""));
    socket.once("error", ({ code = "", message }: NodeJS.ErrnoException) =>
      end(REASONS[code] ?? (code || message)),
    );
  });
}
