import { aborted } from "../common/aborted.ts";
import { type RetryDeps, retryListen } from "../common/retry-listen.ts";
import { type HttpOptions, type HttpSources, serveHttp } from "./http.ts";

export interface HttpActorDeps extends Omit<HttpSources, "onCut">, RetryDeps {}

/** Keeps metrics, probes and the status page served on TCP until `signal` aborts. A port that is taken is waited for. */
export async function runHttp(
  options: HttpOptions,
  deps: HttpActorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log } = deps;
  const onCut = () => log.warn("Too many HTTP connections: all of them were cut");
  const attempt = {
    serve: () => serveHttp(options, { ...deps, onCut }),
    failed: "Metrics can't be served",
    next: "devices are offered as ever; it is tried again until it works",
  };
  const server = await retryListen(attempt, deps, signal);
  if (server === undefined) return;
  log.info("Serving metrics", { address: options.address, port: server.port });
  await aborted(signal);
  await server.stop();
}
