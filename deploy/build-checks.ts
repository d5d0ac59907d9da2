/** The reason why this Bun must not build the executable; undefined if it may. Bun embeds its own runtime. */
export function wrongBun(running: string, pinned: string): string | undefined {
  if (running === pinned) return undefined;
  return `this is Bun ${running}, the project is pinned to ${pinned}: npx -y bun@${pinned} run build`;
}

/**
 * The failure of a `bun build`, from its exit code and output; undefined if it succeeded. Bun 1.4.5 reports dropped
 * bytecode only in its output, with exit code 0.
 */
export function brokenBuild(exitCode: number | null, output: string): string | undefined {
  if (exitCode !== 0) return `bun build ended with ${exitCode}:\n${output}`;
  if (/failed to generate bytecode/i.test(output)) return `bytecode was dropped:\n${output}`;
  return undefined;
}
