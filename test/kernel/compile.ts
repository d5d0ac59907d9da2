import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const binary = join(root, "dist/video-device-plugin");

/** The relay's Worker, which an executable that relays frames needs beside its own entry point. */
const relayThread = "src/drivers/loopback/ready/relay-thread.ts";

/** Compiles a program for a VM's guest, as the plugin itself is compiled. */
export function compileGuest(source: string, outfile: string): void {
  const build = [process.execPath, "build", "--compile", "--production"];
  run([...build, source, relayThread, "--outfile", outfile]);
}

/** Compiles a Go program of one file, for a guest without Go. */
export function compileGo(source: string, outfile: string): void {
  writeFileSync(`${outfile}.go`, source);
  run(["env", "CGO_ENABLED=0", "go", "build", "-o", outfile, `${outfile}.go`]);
}

/** Path of the compiled plugin, built (`bun run build`) if it is missing or older than a source. */
export function builtPlugin(): string {
  if (modified(binary) <= newestSource()) run([process.execPath, "run", "build"]);
  return binary;
}

function newestSource(): number {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join("src", name));
  const all = [...sources, "deploy/build.ts", "package.json", "bun.lock"];
  return Math.max(...all.map((name) => modified(join(root, name))));
}

/** ms since the epoch; 0 for a file that isn't there. */
function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(command: string[]): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode === 0) return;
  throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stdout}${stderr}`);
}
