/** Fails unless `src/gen` equals the output of `buf generate`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const fresh = mkdtempSync(join(tmpdir(), "vdp-gen-"));
try {
  run(["buf", "generate", "--output", fresh]);
  run(["diff", "--recursive", "--unified", join(root, "src/gen"), join(fresh, "src/gen")]);
  console.log("src/gen equals the output of buf generate");
} finally {
  rmSync(fresh, { recursive: true });
}

function run(command: string[]): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode === 0) return;
  console.error(
    `${stdout}${stderr}\n${command[0]} failed: run "bun run generate" and commit src/gen`,
  );
  rmSync(fresh, { recursive: true });
  process.exit(1);
}
