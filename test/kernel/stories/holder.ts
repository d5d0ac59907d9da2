/** A process that holds a device open, and does nothing else with it. */
export interface HolderProcess {
  /** Ends it, and waits for that. */
  end(): Promise<void>;
}

/** Resolves once the process has the device open. @throws Error that says why it hasn't. */
export async function startHolder(path: string): Promise<HolderProcess> {
  const command = ["/bin/v4l2-tool", "hold", path, "3600"];
  const holder = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const { done } = await holder.stdout.getReader().read();
  if (done) throw new Error(`${path} can't be held: ${await holder.stderr.text()}`);
  return {
    async end() {
      holder.kill("SIGKILL");
      await holder.exited;
    },
  };
}
