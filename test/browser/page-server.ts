import { silentLogger } from "../../src/common/logger.ts";
import type { Status } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { type HttpServer, serveHttp } from "../../src/observe/http.ts";
import { makeMetrics } from "../support/make-metrics.ts";

/** The real HTTP server, with fake statuses. */
export class PageServer {
  /** The status of the next page. */
  status: (now: number) => Status;
  /** Number of pages rendered so far. The server throttles floods, but no browser. */
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

  /** Starts again on the same port. */
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
