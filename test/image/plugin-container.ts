import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { PluginBinaryLog } from "../support/plugin-binary-log.ts";
import type { ImageConfig } from "./image-archive.ts";
import { run } from "./run.ts";

/** The manifests' memory limit: 128 Mi. */
const memoryLimit = 128 * 2 ** 20;

export interface ContainerOptions {
  /** ID of the container, unique on the machine. */
  readonly id: string;
  /** Directory of its bundle and output; created. */
  readonly directory: string;
  /** Directory of the unpacked image. */
  readonly rootfs: string;
  readonly image: ImageConfig;
  readonly readonlyRootfs: boolean;
  /** Host directories by their path in the container. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A container like a kubelet's: the image's settings, no capability, no new privileges, 128 Mi, the network of the host.
 * Run by runc alone.
 */
export class PluginContainer {
  /** Its standard output. */
  readonly log: PluginBinaryLog;
  readonly #errors: string;
  readonly #state: string;
  readonly #id: string;
  readonly #process: Subprocess;

  private constructor(options: ContainerOptions) {
    this.#id = options.id;
    this.#state = join(options.directory, "state");
    this.log = new PluginBinaryLog(join(options.directory, "stdout"));
    this.#errors = join(options.directory, "stderr");
    const [output, errors] = [openSync(this.log.path, "w"), openSync(this.#errors, "w")];
    this.#process = Bun.spawn(
      ["runc", "--root", this.#state, "run", "--bundle", options.directory, options.id],
      {
        env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
        stdin: "ignore",
        stdout: output,
        stderr: errors,
      },
    );
    closeSync(output);
    closeSync(errors);
  }

  static async start(options: ContainerOptions): Promise<PluginContainer> {
    mkdirSync(options.directory, { recursive: true });
    await run(["runc", "spec"], { cwd: options.directory });
    const path = join(options.directory, "config.json");
    const spec = withOptions(JSON.parse(readFileSync(path, "utf8")), options);
    writeFileSync(path, JSON.stringify(spec));
    return new PluginContainer(options);
  }

  /** Sends a signal to its process 1. */
  async signal(name: "TERM" | "KILL"): Promise<void> {
    await run(["runc", "--root", this.#state, "kill", this.#id, name]);
  }

  /** Runs another process in it to its end, as `kubectl exec` does. */
  async exec(...command: string[]): Promise<string> {
    return run(["runc", "--root", this.#state, "exec", this.#id, ...command]);
  }

  /** Resolves with its exit code when it has ended. */
  async exited(): Promise<number> {
    return this.#process.exited;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get output(): string {
    return readFileSync(this.log.path, "utf8");
  }

  get errors(): string {
    return readFileSync(this.#errors, "utf8");
  }

  /** Peak of its memory so far, in bytes. */
  async peakMemory(): Promise<number> {
    const stats = await run(["runc", "--root", this.#state, "events", "--stats", this.#id]);
    return JSON.parse(stats).data.memory.usage.max;
  }

  /** Kills it if it still runs. */
  async close(): Promise<void> {
    if (this.running) await this.signal("KILL").catch(() => undefined);
    await this.#process.exited;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what `runc spec` writes (runtime-spec, config.md)
function withOptions(spec: any, options: ContainerOptions): unknown {
  const { config } = options.image;
  const [uid, gid] = config.User.split(":").map(Number);
  const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const none = { bounding: [], effective: [], permitted: [], ambient: [], inheritable: [] };
  return {
    ...spec,
    process: {
      ...spec.process,
      terminal: false,
      user: { uid, gid },
      args: [...config.Entrypoint, ...(options.args ?? config.Cmd ?? [])],
      env: [...config.Env, ...env],
      cwd: config.WorkingDir,
      capabilities: none,
    },
    root: { path: options.rootfs, readonly: options.readonlyRootfs },
    mounts: [
      ...spec.mounts,
      ...Object.entries(options.mounts).map(([destination, source]) => ({
        destination,
        source,
        type: "bind",
        options: ["bind", "rw"],
      })),
    ],
    linux: {
      ...spec.linux,
      cgroupsPath: `/${options.id}`,
      resources: { ...spec.linux.resources, memory: { limit: memoryLimit, swap: memoryLimit } },
      namespaces: spec.linux.namespaces.filter((one: { type: string }) => one.type !== "network"),
    },
  };
}
