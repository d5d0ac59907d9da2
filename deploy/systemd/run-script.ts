import { join } from "node:path";

/** A command's exit code, and its standard output and error together. */
export interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Runs a command with only the path of these tests' environment; `more` comes first in it. */
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
