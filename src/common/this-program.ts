/** The command line that starts this program: the executable alone, or Bun and its script. */
export function thisProgram(): string[] {
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
}
