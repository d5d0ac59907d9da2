/** One condition of a probe. */
export interface Check {
  /** Stable word: `ping`, `registered`, … */
  readonly name: string;
  /** Why it fails, as a stable word or a sentence; undefined if it passes. */
  readonly failure: string | undefined;
  /** What the failure means and what to do, in sentences. */
  readonly detail?: string | undefined;
}

/** The checks of each probe. */
export interface ProbeSources {
  /** Checks of the process. None fails because of a device or the kubelet: a restart would not help. */
  readonly live: () => readonly Check[];
  /** Checks that the kubelet has accepted the plugin and that a device works. */
  readonly ready: () => readonly Check[];
}

/**
 * Answers GET or HEAD of `/healthz` and `/readyz` with 200 or 503; undefined for any other path. With `?verbose` each
 * check has a line, as in Kubernetes' own components.
 */
export function answerProbe(url: URL, sources: ProbeSources): Response | undefined {
  const isVerbose = url.searchParams.has("verbose");
  if (url.pathname === "/healthz") {
    const checks = sources.live();
    if (isVerbose) return verbose("healthz", checks);
    const failed = checks.filter(({ failure }) => failure !== undefined);
    return failed.length === 0
      ? text("ok\n", 200)
      : text(`${failed.map(({ failure }) => failure).join("; ")}\n`, 503);
  }
  if (url.pathname === "/readyz") {
    const checks = sources.ready();
    if (isVerbose) return verbose("readyz", checks);
    const missing = checks.flatMap(({ name, failure, detail }) =>
      failure === undefined ? [] : [{ check: name, reason: failure, ...(detail && { detail }) }],
    );
    if (missing.length === 0) {
      const passed = checks.map(({ name }) => name).filter((name) => name !== "ping");
      return text(`ok: ${passed.join(", ")}\n`, 200);
    }
    const body = `${JSON.stringify({ ready: false, missing })}\n`;
    return new Response(body, { status: 503, headers: { "content-type": "application/json" } });
  }
  return undefined;
}

function verbose(name: string, checks: readonly Check[]): Response {
  const lines = checks.map(({ name: check, failure, detail }) =>
    failure === undefined
      ? `[+]${check} ok`
      : `[-]${check} failed: ${[failure, ...(detail ? [detail] : [])].join(": ")}`,
  );
  const passed = checks.every(({ failure }) => failure === undefined);
  lines.push(`${name} check ${passed ? "passed" : "failed"}`);
  return text(`${lines.join("\n")}\n`, passed ? 200 : 503);
}

function text(body: string, status: number): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain" } });
}
