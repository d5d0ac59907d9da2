import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Longest path of a unix socket, bytes: sockaddr_un in unix(7), less the final zero. */
const maxSocketPath = 107;

/**
 * A gRPC server on a unix socket that can die as a killed process does, its socket file staying behind.
 *
 * It listens under a name one directory up and links the socket to where clients look: closing a listener
 * unlinks the path it was bound to, whosever socket is there by then.
 */
export class SocketServer {
  readonly #server: Server;
  readonly #path: string;
  #bound: string;

  private constructor(server: Server, path: string, bound: string) {
    this.#server = server;
    this.#path = path;
    this.#bound = bound;
  }

  /** Replaces whatever is at `path`. */
  static async listen(server: Server, path: string): Promise<SocketServer> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    const bound = await bind(server, path);
    const listening = new SocketServer(server, path, bound);
    listening.#link();
    return listening;
  }

  /** The file goes and comes again, the server running on: with the same inode, or with a new one. */
  async recreate(inode: "same" | "new"): Promise<void> {
    if (inode === "new") this.#bound = await bind(this.#server, this.#path);
    this.#link();
  }

  /** Every connection breaks. The file stays, refusing connections, unless `removeSocket`. */
  close(removeSocket: boolean): void {
    this.#server.forceShutdown();
    if (removeSocket) rmSync(this.#path, { force: true });
  }

  #link(): void {
    rmSync(this.#path, { force: true });
    linkSync(this.#bound, this.#path);
  }
}

function bind(server: Server, path: string): Promise<string> {
  const name = `.${basename(path)}-${randomBytes(3).toString("hex")}`;
  const bound = join(dirname(dirname(path)), name);
  if (Buffer.byteLength(bound) > maxSocketPath || Buffer.byteLength(path) > maxSocketPath) {
    throw new Error(`${path}: a unix socket's path has at most ${maxSocketPath} bytes`);
  }
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${bound}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new Error(`listen unix ${path}: ${error.message}`, { cause: error }));
      else resolve(bound);
    });
  });
}
