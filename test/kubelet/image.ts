import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { tar } from "./tar.ts";

/** The one image there is, for sandboxes and for pods. The domain is reserved and never resolves. */
export const imageName = "vdp.invalid/busybox:e2e";

/** A statically linked busybox, as `provision.sh` installs it. */
export function busyboxPath(): string | undefined {
  return ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path) && isStatic(path));
}

/** A dynamic program names its loader in the first page. */
function isStatic(path: string): boolean {
  return !/ld-linux|ld-musl/.test(readFileSync(path).subarray(0, 4096).toString("latin1"));
}

/**
 * An image archive as `docker save` writes it, for `ctr images import`
 * (https://github.com/moby/docker-image-spec/blob/main/spec.md): a layer with busybox and the
 * directories a container needs, an entry point that sleeps (what a sandbox is for), no network involved.
 */
export function imageArchive(busybox: string): Uint8Array {
  const directories = ["bin/", "dev/", "etc/", "proc/", "sys/", "tmp/"].map((path) => ({ path }));
  const layer = tar([
    ...directories,
    { path: "bin/busybox", content: readFileSync(busybox), mode: 0o755 },
  ]);
  const config = json({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Entrypoint: ["/bin/busybox", "sleep", "2147483647"], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configName = `${sha256(config)}.json`;
  const manifest = json([{ Config: configName, RepoTags: [imageName], Layers: ["layer.tar"] }]);
  return tar([
    { path: "layer.tar", content: layer },
    { path: configName, content: config },
    { path: "manifest.json", content: manifest },
  ]);
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
