/** One `check`, `pass` or `fail` of a VM's script (guest/lib.sh). */
export interface VmCheck {
  readonly name: string;
  readonly passed: boolean;
  /** The checked command's output. */
  readonly detail: string;
}

/** What came over a VM's report port from one script. */
export interface VmReport {
  /** The script's exit code, or undefined if the VM ended without saying so: a crash or a hang. */
  readonly exitCode: number | undefined;
  readonly checks: readonly VmCheck[];
  /** By the names given to `value`; the last one of a name. */
  readonly values: Readonly<Record<string, string>>;
  /** By the names given to `put`, and everything left in /log, as UTF-8 text. */
  readonly files: Readonly<Record<string, string>>;
  /** The script was cut off at its time limit. */
  readonly timedOut: boolean;
  /** Seconds from the script's start, or a whole node's boot, until all that it left was taken away. */
  readonly seconds: number;
}

/** What came over a VM's report port. */
export interface VmReports {
  /** Seconds from the kernel's start to PID 1's. */
  readonly bootSeconds: number;
  /** By the names of the scripts; those that had begun. */
  readonly scripts: ReadonlyMap<string, VmReport>;
}

/** Reads the lines that guest/init.sh and what it runs write. */
export function parseReports(port: string): VmReports {
  const [boot = "", ...scripts] = port.split(/^(?=script\t.*\n)/m);
  return {
    bootSeconds: Number(/^boot\t(.*)$/m.exec(boot)?.[1] ?? 0),
    scripts: new Map(scripts.map((lines) => [lines.split("\t", 2)[1] ?? "", parseReport(lines)])),
  };
}

/**
 * Reads the lines guest/lib.sh writes. A line cut off by a crash is left out.
 *
 * @throws Error for a kind of line it doesn't know: the two files are out of step.
 */
export function parseReport(port: string): VmReport {
  const checks: VmCheck[] = [];
  const values: Record<string, string> = {};
  const chunks: Record<string, Buffer[]> = {};
  const numbers: Record<string, number> = {};
  let timedOut = false;
  for (const line of port.split("\n").slice(0, -1)) {
    const [kind = "", first = "", second = "", third = ""] = line.trimEnd().split("\t");
    if (kind === "check") {
      checks.push({ name: second, passed: first === "pass", detail: decoded(third).toString() });
    } else if (kind === "value") values[first] = decoded(second).toString();
    else if (kind === "file") chunks[first] = [];
    else if (kind === "data") chunks[first]?.push(decoded(second));
    else if (kind === "boot") numbers["begin"] = Number(first);
    else if (kind === "script") numbers["begin"] = Number(second);
    else if (kind === "uptime" || kind === "exit") numbers[kind] = Number(first);
    else if (kind === "timed-out") timedOut = true;
    else throw new Error(`unknown line on the report port: ${JSON.stringify(line.slice(0, 200))}`);
  }
  return {
    exitCode: numbers["exit"],
    checks,
    values,
    files: Object.fromEntries(
      Object.entries(chunks).map(([name, parts]) => [name, Buffer.concat(parts).toString()]),
    ),
    timedOut,
    seconds: (numbers["uptime"] ?? 0) - (numbers["begin"] ?? 0),
  };
}

function decoded(base64: string): Buffer {
  return Buffer.from(base64, "base64");
}
