import type { Clock } from "../../common/clock.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import type { AdminClient } from "./admin-client.ts";
import { explainFailure } from "./explain-failure.ts";

/** Pause between two attempts to reach a plugin that stopped answering, ms. */
const retryMs = 500;

/** The plugin at one moment. */
export type Seen = { readonly status: Status } | { readonly lost: PluginError };

/**
 * Yields the status each time it changes, over restarts of the plugin; while the plugin is away, `lost` once. After the
 * first status, every failure is retried: a plugin that stops may end its streams in many ways. Ends when `signal`
 * aborts.
 *
 * @throws PluginError if there is no first status.
 */
export async function* followStatus(
  client: AdminClient,
  socketPath: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Seen> {
  let reached = false;
  let reportedLost = false;
  while (!signal.aborted) {
    let failure: unknown;
    try {
      for await (const { status } of client.watchStatus({}, { signal, timeoutMs: 0 })) {
        if (status === undefined) continue;
        reached = true;
        reportedLost = false;
        yield { status };
      }
      failure = Object.assign(new TypeError("the stream has ended"), { code: "ECONNRESET" });
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    const lost = explainFailure(failure, socketPath);
    if (!reached) throw lost;
    if (!reportedLost) yield { lost };
    reportedLost = true;
    await clock.sleep(retryMs, signal);
  }
}
