import type { Clock } from "../../common/clock.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import type { AdminClient } from "./admin-client.ts";
import { explainFailure } from "./explain-failure.ts";

/** Between two tries to reach a plugin that went away, ms. */
const RETRY_MS = 500;

/** What is known of the plugin at one moment. */
export type Seen = { readonly status: Status } | { readonly lost: PluginError };

/**
 * The status each time it changes, over restarts of the plugin: while that is away, `lost` once. Once there was
 * a status, whatever goes wrong is waited for: a plugin that stops may end its streams in many ways. Ends when
 * `signal` aborts.
 * @throws PluginError if there is no status to begin with.
 */
export async function* followStatus(
  client: AdminClient,
  socketPath: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Seen> {
  let reached = false;
  let told = false;
  while (!signal.aborted) {
    let failure: unknown;
    try {
      for await (const { status } of client.watchStatus({}, { signal, timeoutMs: 0 })) {
        if (status === undefined) continue;
        reached = true;
        told = false;
        yield { status };
      }
      failure = Object.assign(new TypeError("the stream has ended"), { code: "ECONNRESET" });
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    const lost = explainFailure(failure, socketPath);
    if (!reached) throw lost;
    if (!told) yield { lost };
    told = true;
    await clock.sleep(RETRY_MS, signal);
  }
}
