import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Status } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { ConnectionGuard, connectionsTo, countEveryMs, openFiles } from "./connection-guard.ts";
import { internalErrorLog } from "./internal-error-log.ts";
import type { Metrics } from "./metrics.ts";
import { pagePolicy, renderStatusPage } from "./page/status-page.ts";
import { answerProbe, type ProbeSources } from "./probes.ts";
import { statusResponseJson } from "./status-json.ts";
import { throttle } from "./throttle.ts";

export interface HttpOptions {
  /** IP address to bind. */
  readonly address: string;
  readonly port: number;
  /** Milliseconds between two counts of connections; shorter in tests. */
  readonly countEveryMs?: number;
}

export interface HttpSources {
  readonly metrics: Metrics;
  readonly probes: ProbeSources;
  /** Returns the current status. */
  readonly status: () => Status;
  /** Gets each internal error once. */
  readonly log: Logger;
  /** Called after all connections were cut because there were too many. */
  readonly onCut?: () => void;
}

export interface HttpServer {
  /** The port that is served. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Serves `/` for people, `/status.json` for programs, `/metrics` for Prometheus, `/healthz` (nothing in the process
 * hangs) and `/readyz` (registered with the kubelet, and a device works). Read-only: it answers only GET and HEAD. It
 * withstands floods from any client that reaches the port: costly answers are throttled, connections are limited.
 *
 * @throws PluginError `metrics_port_unusable`.
 */
export function serveHttp(options: HttpOptions, sources: HttpSources): HttpServer {
  const views = viewsOf(sources);
  const logError = internalErrorLog(sources.log);
  const listen = (port: number) =>
    Bun.serve({
      // Without both, Bun reads them from the environment.
      hostname: options.address,
      port,
      // By default Bun shares the port with another process of the same user, and neither notices.
      reusePort: false,
      // Bun rounds up to steps of 4 s, and does not extend it for single bytes.
      idleTimeout: 10,
      maxRequestBodySize: 0,
      development: false,
      fetch: (request) => answer(request, sources, views),
      error: (reason) => {
        logError("HTTP", reason);
        return text("internal error\n", 500);
      },
    });
  let server: Bun.Server<undefined> | undefined = firstServer(options, listen);
  const port = server.port ?? options.port;
  const guard = new ConnectionGuard();
  const isOverLimit = () => guard.isOverLimit(openFiles(), () => connectionsTo(port));
  isOverLimit();
  const counting = setInterval(() => {
    if (server !== undefined && !isOverLimit()) return;
    // Bun has no limit of its own; only replacing the server cuts all connections.
    if (server !== undefined) sources.onCut?.();
    server?.stop(true);
    try {
      server = listen(port);
    } catch {
      // The next round tries again.
      server = undefined;
    }
  }, options.countEveryMs ?? countEveryMs);
  return {
    port,
    stop: async () => {
      clearInterval(counting);
      await server?.stop(true);
    },
  };
}

/** Starts the first server. */
function firstServer(
  { address, port }: HttpOptions,
  listen: (port: number) => Bun.Server<undefined>,
): Bun.Server<undefined> {
  try {
    return listen(port);
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    throw new PluginError(
      "metrics_port_unusable",
      `Listening on ${address}:${port} failed: ${reasons[code ?? ""] ?? message}.`,
      {
        cause,
        remedy:
          "Set METRICS_PORT to a free port (ss -ltnp on the host shows which are in use) and METRICS_ADDRESS to an address of this host.",
      },
    );
  }
}

/** Clearer words than Bun's for the usual errors. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process uses the port",
  EADDRNOTAVAIL: "this host does not have the address",
  EACCES: "this process is not allowed to use a port below 1024",
};

/** Answers that are costly to make. */
interface Views {
  readonly page: () => string;
  readonly json: () => string;
}

function viewsOf({ status }: HttpSources): Views {
  return {
    page: throttle(() => renderStatusPage(status(), Date.now())),
    json: throttle(() => statusResponseJson(status())),
  };
}

async function answer(
  request: Request,
  { metrics, probes }: HttpSources,
  views: Views,
): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text("only GET and HEAD are supported\n", 405, { allow: "GET, HEAD" });
  }
  // An invalid Host header makes `request.url` a path, or a text that does not parse.
  const url = URL.parse(request.url, "http://plugin");
  switch (url?.pathname) {
    case "/":
      return reply(views.page(), 200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": pagePolicy,
      });
    case "/status.json":
      return reply(views.json(), 200, { "content-type": "application/json" });
    case "/metrics": {
      const { body, contentType } = await metrics.render();
      return reply(body, 200, { "content-type": contentType });
    }
  }
  const probe = url && answerProbe(url, probes);
  if (probe) {
    const type = probe.headers.get("content-type") ?? "text/plain";
    return reply(await probe.text(), probe.status, { "content-type": type });
  }
  return text("not found; available: /, /status.json, /metrics, /healthz and /readyz\n", 404);
}

function text(body: string, status: number, headers: Record<string, string> = {}): Response {
  return reply(body, status, { "content-type": "text/plain", ...headers });
}

/** Headers by which a browser guesses no type, caches nothing, sends no referrer and embeds no answer elsewhere. */
const hardening = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

function reply(body: string, status: number, headers: Record<string, string>): Response {
  return new Response(body, { status, headers: { ...hardening, ...headers } });
}
