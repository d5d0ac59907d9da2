import { existsSync } from "node:fs";
import { connect } from "node:net";
import { listPodDevices } from "../pod-devices.ts";

/** How long a socket may take, ms. */
const TIMEOUT_MS = 2000;

/** Empty if somebody accepts connections on the socket, else why not, in a few words. */
export function connects(path: string): Promise<string> {
  if (!existsSync(path)) return Promise.resolve("there is no such socket");
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end("it does not answer"));
    socket.once("connect", () => end(""));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? "nobody listens on it" : (error.code ?? error.message)),
    );
  });
}

/** Empty if the kubelet lists its pods' devices on this socket, else why not. */
export async function askPodResources(socketPath: string): Promise<string> {
  const unreachable = await connects(socketPath);
  if (unreachable !== "") return unreachable;
  try {
    await listPodDevices(socketPath);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
