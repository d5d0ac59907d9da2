import { backoffDelay } from "../common/backoff.ts";
import type { Clock } from "../common/clock.ts";
import type { ErrorCode } from "../common/error-codes.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";

/** A long-lived part of the program. `run` resolves only after `signal` has aborted. */
export interface Actor {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly onRestart: (actor: string) => void;
  /** Called with an error of {@link endOfProcess}: the part is not run again. */
  readonly onEnd: (error: PluginError) => void;
}

/** Errors of what this process can't leave behind, and a new one does not have. */
const endOfProcess: ReadonlySet<ErrorCode> = new Set([
  "kubelet_directory_deleted",
  "kubelet_directory_read_only",
  "surplus_not_listed",
]);

/** Waits between restarts of a part that fails, ms. */
const restartBackoff = { initialMs: 1000, maxMs: 30_000 };
/** A part that ran this long had started, ms: its next failure counts as the first. */
const provenMs = 60_000;

/**
 * Runs an actor until `signal` aborts, restarting it with backoff when it throws or ends on its own. None dies
 * silently. An error that only a new process can help against ends the part, and goes to `onEnd`.
 */
export async function supervise(
  actor: Actor,
  signal: AbortSignal,
  deps: SupervisorDeps,
): Promise<void> {
  const { clock, log, random, onRestart } = deps;
  let failures = 0;
  while (!signal.aborted) {
    const started = clock.now();
    const failure = await runOnce(actor, signal);
    if (signal.aborted) {
      if (failure)
        log.error("Part failed while stopping", { actor: actor.name, ...failure.fields() });
      return;
    }
    if (failure !== undefined && endOfProcess.has(failure.code)) return deps.onEnd(failure);
    failures = clock.now() - started >= provenMs ? 1 : failures + 1;
    const delay = backoffDelay(failures, restartBackoff, random());
    const why = failure ?? new PluginError("ended", `${actor.name} ended before the program did`);
    log.error("Part failed", {
      actor: actor.name,
      ...why.fields(),
      stack: stackOf(why.cause),
      restart_in_ms: delay,
      next: "restarting with backoff",
    });
    onRestart(actor.name);
    await clock.sleep(delay, signal);
  }
}

/** One run, on a signal of its own, so that what a failed run has started ends with it. */
async function runOnce(actor: Actor, signal: AbortSignal): Promise<PluginError | undefined> {
  const end = new AbortController();
  const stop = () => end.abort();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await actor.run(end.signal);
    return undefined;
  } catch (reason) {
    return PluginError.from(reason);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function stackOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.stack : undefined;
}
