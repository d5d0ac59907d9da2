/** Options of a command. */
export interface RunOptions {
  readonly cwd?: string;
  /** Variables in addition to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input. Default: none. */
  readonly input?: string;
}

/**
 * Runs a command to its end.
 *
 * @returns its standard output, trimmed.
 * @throws Error with its output, if it doesn't end with 0.
 */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const child = Bun.spawn([...command], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, PATH: path, ...options.env },
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, complaint, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code === 0) return output.trim();
  throw new Error(`${command.join(" ")} ended with ${code}:\n${output}${complaint}`);
}
