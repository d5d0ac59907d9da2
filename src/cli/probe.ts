import { quote } from "../config/problem.ts";
import { accept, reject } from "../config/types/option-type.ts";
import { exitCode, program } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { explainUnreachable, silent } from "./operate/unreachable.ts";
import type { Terminal } from "./terminal.ts";
import { printable } from "./tools/table.ts";
import { usageError } from "./usage-error.ts";

const defaultSeconds = 2;

const timeout = {
  type: {
    expected: "seconds from 0.1 to 60",
    placeholder: "SECONDS",
    parse: (text: string) => {
      const seconds = /^\d{1,2}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
      return seconds >= 0.1 && seconds <= 60 ? accept(seconds) : reject();
    },
  },
  description: `Longest wait for the answer, in seconds (default ${defaultSeconds}).`,
};

const paths: ReadonlyMap<string, string> = new Map([
  ["live", "/healthz"],
  ["ready", "/readyz"],
]);

/** Characters of an answer that are shown: a cause and a remedy, and less than an event of Kubernetes holds (1024). */
const maxAnswer = 800;

// The kubelet runs this every few seconds on every node: it imports neither Connect nor protobuf.
export const probeCommand = defineCommand("probe", {
  usage: ["probe live|ready [--timeout SECONDS]"],
  about: `Asks the running plugin for its health, for exec probes of Kubernetes and other health checks. live: the plugin
works and needs no restart. ready: the kubelet uses the plugin or the plugin stands by, and at least one device works.`,
  exitCodes: ["yes; prints nothing", "no; the reason is on the error output", "no plugin answers"],
  examples: ["readinessProbe:", "  exec:", `    command: [${program}, probe, ready]`],
  positionals: ["live|ready"],
  flags: { timeout },
  options: ["adminSocket"],
  words: [...paths.keys()],
  async run({ positionals: [name = ""], flags, config }, terminal) {
    const path = paths.get(name);
    if (path === undefined) {
      const problem = { subject: quote(name), text: "is no probe, expected live or ready" };
      return usageError([problem], "probe --help", terminal);
    }
    return probe(name, path, config.adminSocket, flags.timeout ?? defaultSeconds, terminal);
  },
});

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

/** The failed checks of an answer in the form of Kubernetes' own components: `[-]registered failed: why`. */
function reason(body: string): string {
  const lines = body.trim().split("\n");
  const failed = lines.filter((line) => line.startsWith("[-]")).map((line) => line.slice(3));
  return printable((failed.length > 0 ? failed : lines).join("; ")).slice(0, maxAnswer);
}
