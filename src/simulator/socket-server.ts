import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Longest path of a unix socket in bytes: sockaddr_un in unix(7), less the final zero. */
const maxSocketPath = 107;

/**
 * A gRPC server on a unix socket that can end like a killed process, which leaves its socket file behind.
 *
 * It listens under a name one directory up and links the socket to `path`: closing a listener unlinks the
 * path it was bound to, even if another server's socket is there by then.
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

  /** Listens at `path`, replacing a file that is there. */
  static async listen(server: Server, path: string): Promise<SocketServer> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    const bound = await bind(server, path);
    const listening = new SocketServer(server, path, bound);
    listening.#link();
    return listening;
  }

  /** Replaces the socket file, with the same inode or a new one, while the server keeps running. */
  async recreate(inode: "same" | "new"): Promise<void> {
    if (inode === "new") this.#bound = await bind(this.#server, this.#path);
    this.#link();
  }

  /** Breaks every connection. The file stays, refusing connections, unless `removeSocket`. */
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
