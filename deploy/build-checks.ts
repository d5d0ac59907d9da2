/** Why an executable must not be built by this Bun; undefined if it may. Runtime and bundler go together. */
export function wrongBun(running: string, pinned: string): string | undefined {
  if (running === pinned) return undefined;
  return `this is Bun ${running}, the project is pinned to ${pinned}: npx -y bun@${pinned} run build`;
}

/**
 * What is wrong with what `bun build` made, going by its words; undefined if nothing is. Bun 1.4.5 reports dropped
 * bytecode in words only, with exit code 0.
 */
export function brokenBuild(exitCode: number | null, output: string): string | undefined {
  if (exitCode !== 0) return `bun build ended with ${exitCode}:\n${output}`;
  if (/failed to generate bytecode/i.test(output)) return `bytecode was dropped:\n${output}`;
  return undefined;
}
