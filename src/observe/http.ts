import type { Metrics } from "./metrics.ts";
import { answerProbe, type ProbeSources } from "./probes.ts";

export interface HttpOptions {
  /** IP address to bind. */
  readonly address: string;
  readonly port: number;
}

export interface HttpSources {
  readonly metrics: Metrics;
  readonly probes: ProbeSources;
}

export interface HttpServer {
  /** The port in use. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * `/metrics` for Prometheus, `/healthz` (nothing in the process hangs) and `/readyz` (a kubelet listens to us).
 * Read-only: only GET and HEAD are answered.
 */
export function serveHttp(options: HttpOptions, sources: HttpSources): HttpServer {
  const server = Bun.serve({
    // Bun takes port and host name from the environment unless told both.
    hostname: options.address,
    port: options.port,
    idleTimeout: 10,
    maxRequestBodySize: 0,
    development: false,
    fetch: (request) => answer(request, sources),
    error: () => text("internal error\n", 500),
  });
  return {
    port: server.port ?? options.port,
    stop: () => server.stop(true),
  };
}

async function answer(request: Request, { metrics, probes }: HttpSources): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text("only GET is answered here\n", 405, { allow: "GET, HEAD" });
  }
  const url = new URL(request.url);
  if (url.pathname === "/metrics") {
    const { body, contentType } = await metrics.render();
    return new Response(body, { headers: { "content-type": contentType } });
  }
  return (
    answerProbe(url, probes) ?? text("not found; there are /metrics, /healthz and /readyz\n", 404)
  );
}

function text(body: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain", ...headers } });
}
