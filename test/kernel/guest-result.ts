/** How one check inside a VM went: a line of JSON on a guest program's output. */
export interface GuestResult {
  readonly name: string;
  /** Undefined if it passed. */
  readonly error?: string;
  readonly ms: number;
  /** How it is done on this version, where that differs. */
  readonly how?: string;
}

/** Runs a check and reports its result, with `how` if the check resolves to a text. It never throws. */
export async function runCheck(name: string, run: () => Promise<unknown>): Promise<GuestResult> {
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  try {
    const how = await run();
    return { name, ms: took(), ...(typeof how === "string" && { how }) };
  } catch (reason) {
    const error = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    return { name, ms: took(), error };
  }
}

/** What a guest program printed; a line cut off by the VM's end is left out. */
export function parseGuestResults(output: string): GuestResult[] {
  const lines = output.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as GuestResult);
}
