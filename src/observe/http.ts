import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Status } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { ConnectionGuard, connectionsTo, countEveryMs, openFiles } from "./connection-guard.ts";
import { defectLog } from "./internal-error-log.ts";
import type { Metrics } from "./metrics.ts";
import { pagePolicy, renderStatusPage } from "./page/status-page.ts";
import { answerProbe, type ProbeSources } from "./probes.ts";
import { statusResponseJson } from "./status-json.ts";
import { throttle } from "./throttle.ts";

export interface HttpOptions {
  /** IP address to bind. */
  readonly address: string;
  readonly port: number;
  /** How often connections are counted, ms; for tests that can't wait. */
  readonly countEveryMs?: number;
}

export interface HttpSources {
  readonly metrics: Metrics;
  readonly probes: ProbeSources;
  /** Everything that is known at this moment. */
  readonly status: () => Status;
  /** Has what goes wrong in an answer, which is a defect: each error once. */
  readonly log: Logger;
  /** There were too many connections, and all of them were cut. */
  readonly onCut?: () => void;
}

export interface HttpServer {
  /** The port in use. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * `/` for people, `/status.json` for programs, `/metrics` for Prometheus, `/healthz` (nothing in the process
 * hangs) and `/readyz` (a kubelet listens to us and a device works). Read-only: only GET and HEAD are answered. Made to be
 * asked too much by anybody who reaches the port: what is costly is throttle, connections are limited.
 *
 * @throws PluginError `metrics_port_unusable`.
 */
export function serveHttp(options: HttpOptions, sources: HttpSources): HttpServer {
  const views = viewsOf(sources);
  const onDefect = defectLog(sources.log);
  const listen = (port: number) =>
    Bun.serve({
      // Bun takes port and host name from the environment unless told both.
      hostname: options.address,
      port,
      // Unless told so, Bun shares the port with another process of the same user, and neither knows.
      reusePort: false,
      // Bun rounds up to steps of 4 s, and gives a connection no more for sending a byte now and then.
      idleTimeout: 10,
      maxRequestBodySize: 0,
      development: false,
      fetch: (request) => answer(request, sources, views),
      error: (reason) => {
        onDefect("HTTP", reason);
        return text("internal error\n", 500);
      },
    });
  let server: Bun.Server<undefined> | undefined = first(options, listen);
  const port = server.port ?? options.port;
  const guard = new ConnectionGuard();
  const tooMany = () => guard.look(openFiles(), () => connectionsTo(port));
  tooMany();
  const counting = setInterval(() => {
    if (server !== undefined && !tooMany()) return;
    // Bun has no limit of its own; a new server on the same port is how all connections are cut.
    if (server !== undefined) sources.onCut?.();
    server?.stop(true);
    try {
      server = listen(port);
    } catch {
      // Nothing has gone that could be missed; the next round tries again.
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

/** The server that the first attempt makes. */
function first(
  { address, port }: HttpOptions,
  listen: (port: number) => Bun.Server<undefined>,
): Bun.Server<undefined> {
  try {
    return listen(port);
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    throw new PluginError(
      "metrics_port_unusable",
      `${address}:${port} can't be listened on: ${reasons[code ?? ""] ?? message}.`,
      {
        cause,
        remedy:
          "Name a METRICS_PORT that is free (ss -ltnp on the host says who has one) and a METRICS_ADDRESS of this host.",
      },
    );
  }
}

/** Bun's own words don't always tell. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process has the port",
  EADDRNOTAVAIL: "the address is none of this host's",
  EACCES: "this process may not have a port below 1024",
};

/** What takes more than a moment to make. */
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
    return text("only GET is answered here\n", 405, { allow: "GET, HEAD" });
  }
  // A Host that is none makes `request.url` a mere path, or nothing that parses.
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
  return text("not found; there are /, /status.json, /metrics, /healthz and /readyz\n", 404);
}

function text(body: string, status: number, headers: Record<string, string> = {}): Response {
  return reply(body, status, { "content-type": "text/plain", ...headers });
}

/** A browser is to guess nothing, keep nothing, tell nobody and embed nothing of what it gets here. */
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
