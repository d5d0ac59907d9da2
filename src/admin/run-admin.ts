import { type RetryDeps, retryListen } from "../common/retry-listen.ts";
import { type AdminServer, type AdminServerDeps, serveAdmin } from "./admin-server.ts";

export interface AdminActorDeps extends AdminServerDeps, RetryDeps {
  /** Called before the first request is answered; until now another instance may have served. */
  readonly onServing: () => Promise<void>;
}

/** Milliseconds between two checks that the socket still exists. */
const checkMs = 5000;

/** Serves the admin API until `signal` aborts. Retries after every failure. */
export async function runAdmin(
  path: string,
  deps: AdminActorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log, onServing } = deps;
  const attempt = {
    serve: () => serveAdmin(path, deps),
    failed: "Serving the admin API failed",
    next: "devices stay offered; status, cordon and probe do not work; retrying with backoff",
  };
  while (!signal.aborted) {
    const served = await retryListen(attempt, deps, signal);
    if (served === undefined) return;
    log.info("Serving the admin API", { socket_path: path });
    try {
      await onServing();
      await untilRemoved(served, deps, signal);
    } finally {
      await served.stop();
    }
    if (!signal.aborted) log.warn("Admin socket removed", { socket_path: path });
  }
}

async function untilRemoved(
  server: AdminServer,
  { clock }: Pick<AdminActorDeps, "clock">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && server.isReachable()) await clock.sleep(checkMs, signal);
}
