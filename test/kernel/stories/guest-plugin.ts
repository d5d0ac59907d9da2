import { closeSync, openSync } from "node:fs";
import type { Subprocess } from "bun";
import { PluginBinaryLog } from "../../support/plugin-binary-log.ts";

/** The compiled plugin as a node runs it: options at their defaults but for the flags given. */
export class GuestPlugin {
  #process: Subprocess | undefined;
  #starts = 0;

  /** Of its latest start. */
  get log(): PluginBinaryLog {
    return new PluginBinaryLog(`/log/plugin-${this.#starts}`);
  }

  get running(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  start(...flags: string[]): void {
    if (this.running) throw new Error("the plugin is running");
    this.#starts += 1;
    const output = openSync(this.log.path, "a");
    const errors = openSync("/log/plugin-stderr", "a");
    this.#process = Bun.spawn(["/usr/bin/video-device-plugin", ...flags], {
      cwd: "/",
      env: {},
      stdin: "ignore",
      stdout: output,
      stderr: errors,
    });
    closeSync(output);
    closeSync(errors);
  }

  /** Sends SIGTERM; its exit code, null if a signal ended it, and how long it took, ms. */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const started = performance.now();
    await this.#end("SIGTERM");
    return { code: this.#process?.exitCode ?? null, ms: performance.now() - started };
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.exited;
  }
}
