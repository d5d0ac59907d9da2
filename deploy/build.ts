/**
 * Builds the one executable. `bun deploy/build.ts` builds `dist/video-device-plugin` for this machine,
 * `--arch=x64` or `--arch=arm64` (also by the images' names: `amd64`) for another one, `--all` both, with a SHA256SUMS
 * file. A metafile beside it lists the bundled files.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { brokenBuild, wrongBun } from "./build-checks.ts";
import { metafilePath } from "./bundled-packages.ts";

const root = join(import.meta.dir, "..");
const name = "video-device-plugin";
const pinned = manifest.packageManager.replace("bun@", "");

/**
 * The reasons for the flags: with autoloading, the program would execute what a `bunfig.toml` in its working
 * directory names; strict code generation closes `BUN_OPTIONS=--preload`; bytecode needs the esm
 * format, else it is dropped with exit code 0; `--production` keeps NODE_ENV from being "development".
 */
function flags(target: string, outfile: string): string[] {
  return [
    "build",
    "--compile",
    "--production",
    "--sourcemap",
    "--bytecode",
    "--format=esm",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--compile-exec-argv=--disallow-code-generation-from-strings=strict --no-addons --no-ffi-cc",
    `--target=${target}`,
    `--outfile=${outfile}`,
    `--metafile=${metafilePath}`,
    "src/main.ts",
    // The relay's Worker, which loads it by its path below src.
    "src/drivers/loopback/ready/relay-thread.ts",
  ];
}

function fail(message: string): never {
  console.error(`build: ${message}`);
  process.exit(1);
}

function build(target: string, outfile: string): void {
  rmSync(join(root, outfile), { force: true });
  const started = performance.now();
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [process.execPath, ...flags(target, outfile)],
    {
      cwd: root,
    },
  );
  const output = `${stdout.toString()}${stderr.toString()}`;
  const broken = brokenBuild(exitCode, output);
  if (broken !== undefined) fail(broken);
  const native = target === `bun-linux-${process.arch}`;
  if (native && !usesBytecode(join(root, outfile))) fail(`${outfile} runs without its bytecode`);
  const { size } = statSync(join(root, outfile));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${outfile}  ${target}  ${(size / 1e6).toFixed(1)} MB  ${seconds} s`);
}

/** Runs the program with the engine's log of its code cache: a hit means that it used the bytecode. */
function usesBytecode(path: string): boolean {
  const { stdout, stderr } = Bun.spawnSync([path, "version"], {
    env: { BUN_JSC_verboseDiskCache: "1" },
  });
  return `${stdout.toString()}${stderr.toString()}`.includes("Cache hit for sourceCode");
}
const refusal = wrongBun(Bun.version, pinned);
if (refusal !== undefined) fail(refusal);
mkdirSync(join(root, "dist"), { recursive: true });
if (process.argv.includes("--all")) {
  const files = ["x64", "arm64"].map((arch) => {
    const file = `${name}-linux-${arch}`;
    build(`bun-linux-${arch}`, `dist/${file}`);
    return file;
  });
  const sums = files.map((file) => {
    const hash = createHash("sha256").update(readFileSync(join(root, "dist", file)));
    return `${hash.digest("hex")}  ${file}\n`;
  });
  writeFileSync(join(root, "dist", "SHA256SUMS"), sums.join(""));
  console.log("dist/SHA256SUMS");
} else {
  build(`bun-linux-${wantedArch()}`, `dist/${name}`);
}

function wantedArch(): string {
  const asked = process.argv.find((argument) => argument.startsWith("--arch="));
  const arch = asked?.slice("--arch=".length).replace("amd64", "x64") ?? process.arch;
  if (!["x64", "arm64"].includes(arch)) fail(`${asked}: expected x64 (amd64) or arm64`);
  return arch;
}
