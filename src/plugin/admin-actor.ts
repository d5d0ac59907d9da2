import { backoffDelay } from "../common/backoff.ts";
import { PluginError } from "../common/plugin-error.ts";
import {
  type AdminServer,
  type AdminServerDeps,
  serveAdmin,
} from "../observe/admin/admin-server.ts";

export interface AdminActorDeps extends AdminServerDeps {
  readonly random: () => number;
  /** Called before the first request is answered: another instance may have answered until now. */
  readonly onServing: () => Promise<void>;
}

/** Waits between attempts to serve, ms: short at first, since an ending instance is gone within a second. */
const backoff = { initialMs: 500, maxMs: 30_000 };

/** Between two looks whether the socket is still there, ms. */
const lookMs = 5000;

/**
 * Keeps the admin API served until `signal` aborts. Nobody's camera hangs on it, so whatever prevents it is a
 * warning, told once, and tried again for ever.
 */
export async function runAdmin(
  path: string,
  deps: AdminActorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, random, onServing } = deps;
  let failures = 0;
  let told = "";
  while (!signal.aborted) {
    const served = await serveAdmin(path, deps).catch((reason: unknown) =>
      PluginError.from(reason),
    );
    if (served instanceof PluginError) {
      failures += 1;
      const delay = backoffDelay(failures, backoff, random());
      log[served.message === told ? "debug" : "warn"]("Admin API can't be served", {
        ...served.fields(),
        retry_in_ms: delay,
        next: "devices are offered as ever; status, cordon and probe have nobody to talk to",
      });
      told = served.message;
      await clock.sleep(delay, signal);
      continue;
    }
    log.info("Serving the admin API", { socket_path: path });
    failures = 0;
    told = "";
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
