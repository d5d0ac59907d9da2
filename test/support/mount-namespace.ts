import { spawnSync } from "node:child_process";

/** What a shell does in a mount namespace of its own before it becomes the program: `mount --bind a b`. */
export type MountCommand = readonly string[];

/** A program, with its arguments, behind mounts that no other process sees. */
export function withMounts(
  commands: readonly MountCommand[],
  program: readonly string[],
): readonly string[] {
  const script = [...commands.map((words) => words.map(quoted).join(" ")), 'exec "$@"'];
  return ["unshare", "--mount", "sh", "-ec", script.join("\n"), "sh", ...program];
}

/**
 * True if a test must be skipped because this process can't have a mount namespace; also prints that to stderr.
 * @throws Error if `VDP_REQUIRE_LEVELS=1` forbids skipping.
 */
export function skipMountNamespaces(env = process.env): boolean {
  const [command = "", ...words] = withMounts([["mount", "--bind", "/", "/"]], ["true"]);
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
  if (status === 0) return false;
  const reason = (stderr ?? "").trim() || "there is no unshare";
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but there is no mount namespace here: ${reason}`);
  }
  process.stderr.write(`skipped: deleted directories: no mount namespace here: ${reason}\n`);
  return true;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
