import { silentLogger } from "../../src/common/logger.ts";
import type { Status } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { type HttpServer, serveHttp } from "../../src/observe/http.ts";
import { makeMetrics } from "../support/make-metrics.ts";

/** The real HTTP server, with statuses that are made up. */
export class PageServer {
  /** What the next page shows. */
  status: (now: number) => Status;
  /** Pages made so far. The server throttles floods, but not a browser. */
  made = 0;
  readonly #metrics = makeMetrics();
  #server: HttpServer | undefined;
  #port = 0;

  constructor(status: (now: number) => Status) {
    this.status = status;
    this.start();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** On the same port as before. */
  start(): void {
    this.#server = serveHttp(
      { address: "127.0.0.1", port: this.#port },
      {
        metrics: this.#metrics,
        probes: { live: () => [], ready: () => [] },
        status: () => {
          this.made++;
          return this.status(Date.now());
        },
        log: silentLogger,
      },
    );
    this.#port = this.#server.port;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }
}
