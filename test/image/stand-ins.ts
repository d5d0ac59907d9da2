import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir } from "./paths.ts";
import { run } from "./run.ts";
import type { Workshop } from "./workshop.ts";

/** Stands in for oven/bun: Debian's shell and core utilities, and the Bun that runs this. */
export const bunStandIn = "vdp.invalid/bun:stand-in";

/** Stands in for distroless base-nossl: the C library and accounts, no program at all. */
export const baseStandIn = "vdp.invalid/base-nossl:stand-in";

/** An empty one for the other architecture, since it never runs. */
export const otherStandIn = "vdp.invalid/base-nossl:other";

/** The other architecture than this machine's, by its name in images. */
export const otherArchitecture = process.arch === "x64" ? "arm64" : "amd64";

const certificates = "/etc/ssl/certs/ca-certificates.crt";
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Settings of this machine's network, certificates and npm's, go into the base to build *on*, whose files don't get into
 * the image.
 */
const network = ["NODE_EXTRA_CA_CERTS", "BUN_CONFIG_REGISTRY", "NPM_CONFIG_REGISTRY"];

/** Images of equal files are equal then, whenever they are built: an image's digest has its base in it. */
const reproducibly = ["--quiet", "--rm", "--timestamp", "0"];

/** Builds all of them from the packages that `provision.sh` has downloaded. */
export async function makeStandIns(workshop: Workshop): Promise<void> {
  await make(workshop, baseStandIn, ["libc6"], async () => []);
  const empty = await workshop.buildah("from", "--arch", otherArchitecture, "scratch");
  await workshop.buildah("config", "--arch", otherArchitecture, empty);
  await workshop.buildah("commit", ...reproducibly, empty, otherStandIn);
  const all = readdirSync(join(cacheDir(), "debs")).map((file) => file.replace(/_.*/, ""));
  await make(workshop, bunStandIn, all, async (root) => {
    install(process.execPath, join(root, "usr/local/bin/bun"), 0o755);
    if (existsSync(certificates)) install(certificates, join(root, certificates), 0o644);
    return network
      .map((name) => [name, process.env[name] ?? process.env[name.toLowerCase()]])
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}`);
  });
}

/** Builds an image of one layer. `finish` adds to its root and returns its environment. */
async function make(
  workshop: Workshop,
  name: string,
  packages: readonly string[],
  finish: (root: string) => Promise<string[]>,
): Promise<void> {
  const container = await workshop.buildah("from", "scratch");
  const root = await workshop.buildah("mount", container);
  const debs = join(cacheDir(), "debs");
  for (const file of readdirSync(debs).sort()) {
    if (!packages.includes(file.replace(/_.*/, ""))) continue;
    await run(["dpkg-deb", "--extract", join(debs, file), root]);
  }
  for (const directory of ["etc", "root", "tmp", "usr/bin", "var"]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/sbin/nologin\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  const environment = [searchPath, ...(await finish(root))];
  await workshop.buildah("umount", container);
  await workshop.buildah("config", ...environment.flatMap((entry) => ["--env", entry]), container);
  await workshop.buildah("commit", ...reproducibly, container, name);
}

function install(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}
