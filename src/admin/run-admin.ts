import { type RetryDeps, retryListen } from "../common/retry-listen.ts";
import { type AdminServer, type AdminServerDeps, serveAdmin } from "./admin-server.ts";

export interface AdminActorDeps extends AdminServerDeps, RetryDeps {
  /** Called before the first request is answered: another instance may have answered until now. */
  readonly onServing: () => Promise<void>;
}

/** Between two looks whether the socket is still there, ms. */
const lookMs = 5000;

/** Keeps the admin API served until `signal` aborts, for ever trying again. */
export async function runAdmin(
  path: string,
  deps: AdminActorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log, onServing } = deps;
  const attempt = {
    serve: () => serveAdmin(path, deps),
    failed: "Admin API can't be served",
    next: "devices are offered as ever; status, cordon and probe have nobody to talk to",
  };
  while (!signal.aborted) {
    const served = await retryListen(attempt, deps, signal);
    if (served === undefined) return;
    log.info("Serving the admin API", { socket_path: path });
    try {
      await onServing();
      await stay(served, deps, signal);
    } finally {
      await served.stop();
    }
    if (!signal.aborted) log.warn("Admin socket was removed by somebody", { socket_path: path });
  }
}

async function stay(
  server: AdminServer,
  { clock }: Pick<AdminActorDeps, "clock">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && server.isReachable()) await clock.sleep(lookMs, signal);
}
