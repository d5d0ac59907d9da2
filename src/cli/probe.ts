import type { FlagSpec } from "../config/argv.ts";
import { quote } from "../config/problem.ts";
import { systemSources } from "../config/system-sources.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import { explainUnreachable, silent } from "./operate/unreachable.ts";
import type { Terminal } from "./terminal.ts";
import { type ArgumentsSpec, parseToolArguments } from "./tools/arguments.ts";
import { printable } from "./tools/table.ts";
import { usageError } from "./usage-error.ts";

const timeoutFlag: FlagSpec = {
  flag: "timeout",
  isSwitch: false,
  expected: "seconds from 0.1 to 60",
  description: "Longest wait for the answer, in seconds",
};

const spec: ArgumentsSpec = {
  positionals: ["live|ready"],
  flags: [timeoutFlag],
  options: ["adminSocket"],
};

const DEFAULT_SECONDS = 2;

const PATHS: ReadonlyMap<string, string> = new Map([
  ["live", "/healthz"],
  ["ready", "/readyz"],
]);

/** Of an answer that is told, in characters: a cause and a remedy, and less than an event of Kubernetes holds (1024). */
const MAX_ANSWER = 800;

// Runs every few seconds on every node: it imports neither Connect nor protobuf.
export const probeCommand: Command = {
  syntax: { flags: spec.flags, options: ["adminSocket"], words: [...PATHS.keys()] },
  help: () => `Usage: ${PROGRAM} probe live|ready [--timeout SECONDS]

Asks the plugin on this node how it is, for exec probes of Kubernetes and health checks of others: live
means that it works and needs no restart, ready that the kubelet listens to it and
that there is a device to give.

Says nothing and ends with exit code 0 if so, else says why on the error output and ends with 1, or
with 2 if no plugin answers.

Options:
  --timeout SECONDS     Longest wait for the answer (default ${DEFAULT_SECONDS}).
  --admin-socket PATH   Where the plugin listens (default: ADMIN_SOCKET, else as in "${PROGRAM} run --help").
  --help                Show this text.

Example:
  readinessProbe:
    exec:
      command: [${PROGRAM}, probe, ready]
`,

  async run(argv, terminal) {
    const parsed = parseToolArguments(systemSources(argv), spec);
    if (!parsed.ok) return usageError(parsed.problems, "probe --help", terminal);
    const { positionals, flags, config } = parsed.arguments;
    const [name = ""] = positionals;
    const path = PATHS.get(name);
    if (path === undefined) {
      const problem = { subject: quote(name), text: "is no probe, expected live or ready" };
      return usageError([problem], "probe --help", terminal);
    }
    const text = flags.get("timeout") ?? String(DEFAULT_SECONDS);
    const seconds = /^\d{1,2}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(seconds >= 0.1 && seconds <= 60)) {
      const problem = `got ${quote(text)}, expected ${timeoutFlag.expected}`;
      return usageError([{ subject: "--timeout", text: problem }], "probe --help", terminal);
    }
    return probe(name, path, config.adminSocket, seconds, terminal);
  },
};

async function probe(
  name: string,
  path: string,
  socketPath: string,
  seconds: number,
  terminal: Terminal,
): Promise<number> {
  try {
    const response = await fetch(`http://localhost${path}?verbose`, {
      unix: socketPath,
      signal: AbortSignal.timeout(seconds * 1000),
    });
    const body = await response.text();
    if (response.ok) return exitCode.ok;
    terminal.err(`not ${name}: ${reason(body) || `status ${response.status}`}\n`);
    return exitCode.failure;
  } catch (error) {
    const { name: kind, code, message } = error as { name: string; code?: string; message: string };
    const why =
      kind === "TimeoutError"
        ? silent(socketPath, seconds)
        : explainUnreachable(code, socketPath, error);
    terminal.err(`not ${name}: ${why?.message ?? message}\n`);
    return exitCode.unreachable;
  }
}

/** The checks that failed, of an answer as Kubernetes' own components give it: `[-]registered failed: why`. */
function reason(body: string): string {
  const lines = body.trim().split("\n");
  const failed = lines.filter((line) => line.startsWith("[-]")).map((line) => line.slice(3));
  return printable((failed.length > 0 ? failed : lines).join("; ")).slice(0, MAX_ANSWER);
}
