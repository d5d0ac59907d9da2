import type { Subprocess } from "bun";
import { thisProgram } from "../../common/this-program.ts";
import { simulatedWebcams } from "../../drivers/simulated/index.ts";
import { exitCode } from "../command.ts";
import type { Terminal } from "../terminal.ts";

export interface PluginPaths {
  readonly kubeletSocket: string;
  readonly podResourcesSocket: string;
  readonly socketPath: string;
  readonly simulatedDir: string;
  readonly adminSocket: string;
  readonly stateDir: string;
  /** TCP port of 127.0.0.1. */
  readonly metricsPort: number;
}

/** Number of last log lines that are kept for the report of a failure. */
const keptLines = 20;

/** The word after `demo` that makes it {@link runUntilInputEnds}. */
export const demoRun = "run";

/**
 * `run`, for a process that the demo starts, on a machine with simulated webcams. The process ends with its standard input,
 * which the kernel closes with the demo, even one that was killed.
 *
 * @param argv The arguments of `run`.
 * @returns the exit code.
 */
export async function runUntilInputEnds(
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  process.stdin.once("end", () => process.exit(exitCode.failure)).resume();
  const { runPlugin } = await import("../run.ts");
  return runPlugin(argv, terminal, ({ deviceDir, sysfsDir }) => ({
    machine: simulatedWebcams(sysfsDir),
    hostDeviceDir: deviceDir,
  }));
}

/**
 * The plugin as a process of its own: this program with `run`. So the demo shows what runs on nodes, signals and exit
 * codes included.
 */
export class PluginProcess {
  readonly #process: Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: string[] = [];

  constructor(paths: PluginPaths, flags: readonly string[] = []) {
    this.#process = Bun.spawn({
      cmd: [
        ...thisProgram(),
        ...["demo", demoRun],
        "--driver=simulated",
        "--node-name=demo-node",
        "--log-level=debug",
        "--log-format=pretty",
        `--kubelet-socket=${paths.kubeletSocket}`,
        `--pod-resources-socket=${paths.podResourcesSocket}`,
        `--socket-path=${paths.socketPath}`,
        `--simulated-dir=${paths.simulatedDir}`,
        `--admin-socket=${paths.adminSocket}`,
        `--state-dir=${paths.stateDir}`,
        "--enable-metrics",
        "--metrics-address=127.0.0.1",
        `--metrics-port=${paths.metricsPort}`,
        ...flags,
      ],
      // Without the caller's environment: a MAX_DEVICES there must not change the demo.
      env: {},
      // Nothing is written to it: its end is the end of the demo, see runUntilInputEnds.
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      // Ctrl-C goes to the whole process group, and the demo stops the plugin itself.
      detached: true,
    });
    void this.#collect();
  }

  /** The last lines of its log. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  kill(signal: "SIGTERM" | "SIGKILL"): void {
    this.#process.kill(signal);
  }

  /** Resolves to its exit code. */
  get exited(): Promise<number> {
    return this.#process.exited;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#lines.splice(0, this.#lines.length - keptLines);
    }
  }
}
