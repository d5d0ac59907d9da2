import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import type { PluginControl } from "../contract/kubelet-scenarios-stage.ts";
import type { TestNode } from "../contract/node.ts";
import { explained } from "./explained.ts";
import { PluginBinaryLog } from "./plugin-binary-log.ts";

/** The executable of `bun run build`. */
export const pluginProgram = join(import.meta.dir, "../../dist/video-device-plugin");

/** Where the plugin finds its kubelet. */
export type PluginPaths = Pick<TestNode, "kubeletSocket" | "podResourcesSocket" | "workDir">;

export interface PluginBinaryOptions {
  /** Names its log; instances on one node need different ones. Default `plugin`. */
  readonly name?: string;
  /** The command that starts it, for example with an emulator. Default: the executable of `bun run build`. */
  readonly program?: readonly string[];
  /** Names its state and its socket, as the chart does for each release. Default: those of all instances without it. */
  readonly release?: string;
  /** Default: one of the node and the release, which its instances share: they hand over to each other. */
  readonly stateDir?: string;
  /** Flags in addition to those with the node's paths, for example `--enable-metrics`. Default none. */
  readonly flags?: readonly string[];
}

/**
 * The compiled plugin with simulated cameras on a node, as a process that can be started repeatedly. Instances on one
 * node share their devices, as they share `/dev`.
 */
export class PluginBinary implements PluginControl {
  readonly ids = Array.from({ length: 8 }, (_, index) => `video${10 + index}`);
  /** The log of all its starts. */
  readonly log: PluginBinaryLog;
  /** Path of the admin socket. */
  readonly adminSocket: string;
  /** Directory of the device nodes. */
  readonly simulatedDir: string;
  readonly #errors: string;
  readonly #command: readonly string[];
  #process: Subprocess | undefined;

  constructor(node: PluginPaths, options: PluginBinaryOptions = {}) {
    const { name = "plugin", release = "", flags = [], program = [pluginProgram] } = options;
    const socket = `video-device-plugin${release && `-${release}`}.sock`;
    const { stateDir = join(node.workDir, `state${release && `-${release}`}`) } = options;
    for (const file of program) {
      assert.ok(
        !file.startsWith("/") || existsSync(file),
        `there is no ${file}; run: bun run build`,
      );
    }
    this.adminSocket = join(node.workDir, `${name}.admin.sock`);
    this.simulatedDir = join(node.workDir, "devices");
    this.log = new PluginBinaryLog(join(node.workDir, `${name}.log`));
    this.#errors = join(node.workDir, `${name}.stderr`);
    for (const path of [this.log.path, this.#errors]) writeFileSync(path, "");
    this.#command = [
      ...program,
      "--driver=simulated",
      "--log-level=debug",
      "--log-format=json",
      `--simulated-dir=${this.simulatedDir}`,
      `--kubelet-socket=${node.kubeletSocket}`,
      `--pod-resources-socket=${node.podResourcesSocket}`,
      `--admin-socket=${this.adminSocket}`,
      `--state-dir=${stateDir}`,
      `--socket-path=${join(dirname(node.kubeletSocket), socket)}`,
      ...flags,
    ];
  }

  get running(): boolean {
    // After a signal there is no exit code.
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** The exit code; null while the process runs, and if a signal ended it. */
  get exitCode(): number | null {
    return this.#process?.exitCode ?? null;
  }

  /** The process ID, 0 before the first start. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async start(): Promise<void> {
    assert.ok(!this.running, "the plugin is running");
    // Files rather than pipes: their text can be read at once, and outlives the process.
    const output = openSync(this.log.path, "a");
    const errors = openSync(this.#errors, "a");
    this.#process = Bun.spawn([...this.#command], {
      cwd: "/",
      env: {},
      stdin: "ignore",
      stdout: output,
      stderr: errors,
    });
    closeSync(output);
    closeSync(errors);
  }

  async stop(signal: "SIGTERM" | "SIGINT"): Promise<number | null> {
    await this.#end(signal);
    return this.#process?.exitCode ?? null;
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async sicken(id: string): Promise<void> {
    this.#set(`${id}.sick`, "made sick by a test");
  }

  /** Has a process of no pod hold the device open, until {@link heal}. */
  async holdOpen(id: string): Promise<void> {
    this.#set(`${id}.held`, "pipewire (process 812)");
  }

  async heal(id: string): Promise<void> {
    for (const fault of ["sick", "held"]) {
      rmSync(join(this.simulatedDir, ".faults", `${id}.${fault}`), { force: true });
    }
  }

  #set(fault: string, text: string): void {
    const faults = join(this.simulatedDir, ".faults");
    mkdirSync(faults, { recursive: true });
    writeFileSync(join(faults, fault), text);
  }

  /** Checks, after its end, that stdout has only log lines and stderr is empty. */
  assertCleanOutput(): void {
    this.log.entries();
    assert.equal(readFileSync(this.#errors, "utf8"), "", "the plugin wrote to stderr");
  }

  /** Runs `work`; if that fails, the error has the end of the plugin's log. */
  explaining<T>(work: () => Promise<T>): Promise<T> {
    return explained(work, () => {
      const errors = readFileSync(this.#errors, "utf8");
      return `The plugin's log ends:\n${this.log.tail()}\n${errors}`;
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.exited;
  }
}
