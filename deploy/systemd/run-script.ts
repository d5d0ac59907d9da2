import { join } from "node:path";

/** What a command has printed, both outputs together, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Runs a command as these tests do: with nothing of their environment but the path, which may have `more` before it. */
export function run(command: readonly string[], more = ""): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    env: { PATH: `${more}:${process.env["PATH"]}`, SYSTEMD_LOG_LEVEL: "warning" },
  });
  return { code: exitCode, output: `${stdout}${stderr}` };
}

/** Runs `install.sh` or `uninstall.sh`. */
export function runScript(name: string, args: readonly string[], more = ""): Ran {
  return run(["sh", join(import.meta.dir, name), ...args], more);
}
