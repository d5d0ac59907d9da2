import { aborted } from "../common/clock.ts";
import { type RetryDeps, retryListen } from "../common/retry-listen.ts";
import { type HttpOptions, type HttpSources, serveHttp } from "./http.ts";

export interface HttpActorDeps extends Omit<HttpSources, "onCut">, RetryDeps {}

/** Serves metrics, probes and the status page on TCP until `signal` aborts. Waits while the port is in use. */
export async function runHttp(
  options: HttpOptions,
  deps: HttpActorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log } = deps;
  const onCut = () => log.warn("Too many HTTP connections, all were cut");
  const attempt = {
    serve: () => serveHttp(options, { ...deps, onCut }),
    failed: "Serving metrics failed",
    next: "devices stay offered; retrying with backoff",
  };
  const server = await retryListen(attempt, deps, signal);
  if (server === undefined) return;
  log.info("Serving metrics", { address: options.address, port: server.port });
  await aborted(signal);
  await server.stop();
}
