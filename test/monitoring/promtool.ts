import { join } from "node:path";

/** sysexits.h EX_UNAVAILABLE: provision.sh's exit code for "not on this machine". */
const EX_UNAVAILABLE = 69;

/**
 * The directory of promtool and prometheus, downloaded if missing. Undefined if that isn't possible: then stderr has the
 * reason, and the tests skip. With VDP_REQUIRE_LEVELS=1, as in CI, they fail instead.
 *
 * @throws Error if provision.sh failed for a reason that isn't this machine's, or if the tools are required.
 */
export async function prometheusTools(): Promise<string | undefined> {
  const script = Bun.spawn([join(import.meta.dir, "provision.sh")], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    script.stdout.text(),
    script.stderr.text(),
    script.exited,
  ]);
  if (code === 0) return stdout.trim();
  if (code !== EX_UNAVAILABLE) {
    throw new Error(`provision.sh failed with exit code ${code}:\n${stderr}`);
  }
  const reason = (stderr.trim().split("\n").at(-1) ?? "").replace(/^provision: /, "");
  if (process.env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`there is no promtool here, and VDP_REQUIRE_LEVELS=1 wants it: ${reason}`);
  }
  process.stderr.write(`skipped: ${reason}\n`);
  return undefined;
}

/** The errors of `promtool check metrics` for an exposition; empty if it has none. */
export async function lintMetrics(tools: string, exposition: string): Promise<string> {
  const promtool = Bun.spawn([join(tools, "promtool"), "check", "metrics"], {
    stdin: Buffer.from(exposition),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    promtool.stdout.text(),
    promtool.stderr.text(),
    promtool.exited,
  ]);
  const findings = `${stdout}${stderr}`.trim();
  return findings === "" && code !== 0 ? `exit code ${code}` : findings;
}
