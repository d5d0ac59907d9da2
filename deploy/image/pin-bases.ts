/**
 * Pins the bases of the Dockerfile: reads the current digest of each tag from its registry, and writes it into
 * `bases.env`. `bun deploy/image/pin-bases.ts`, then commit the file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The parts of a name such as `docker.io/oven/bun:1.4.5-debian`. */
export interface ImageName {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** Media types of manifests and of their lists, current and older ones. */
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Parses a name without its digest. @throws Error unless it has registry, repository and tag. */
export function parseImageName(name: string): ImageName {
  const match = /^(?<registry>[^/]+)\/(?<repository>.+?):(?<tag>[\w.-]+)(?:@sha256:[0-9a-f]{64})?$/;
  const { registry, repository, tag } = match.exec(name)?.groups ?? {};
  if (registry === undefined || repository === undefined || tag === undefined) {
    throw new Error(`"${name}": expected REGISTRY/REPOSITORY:TAG`);
  }
  return { registry, repository, tag };
}

/**
 * The digest of a tag (distribution-spec, "Checking if content exists in the registry"). A registry that
 * requires a token names its address; for public images it needs no credentials.
 *
 * @throws Error if the registry doesn't answer with a digest.
 */
export async function digestOf({ registry, repository, tag }: ImageName): Promise<string> {
  const url = `${addressOf(registry)}/v2/${repository}/manifests/${tag}`;
  const ask = (headers: Record<string, string>) =>
    fetch(url, { method: "HEAD", headers: { accept: manifestTypes, ...headers } });
  let answer = await ask({});
  if (answer.status === 401) {
    const token = await anonymousToken(answer.headers.get("www-authenticate") ?? "");
    answer = await ask({ authorization: `Bearer ${token}` });
  }
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
  const digest = answer.headers.get("docker-content-digest") ?? "";
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${url}: no digest in the answer`);
  return digest;
}

/** Docker's registry has another address than its name; a local registry has no certificate. */
function addressOf(registry: string): string {
  if (registry === "docker.io") return "https://registry-1.docker.io";
  return /^(localhost|127\.0\.0\.1)(:|$)/.test(registry)
    ? `http://${registry}`
    : `https://${registry}`;
}

/** By `Bearer realm="…",service="…",scope="…"` (https://distribution.github.io/distribution/spec/auth/token/). */
async function anonymousToken(challenge: string): Promise<string> {
  const fields = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
  );
  const realm = fields.get("realm");
  if (realm === undefined) throw new Error(`a challenge without a realm: "${challenge}"`);
  const url = new URL(realm);
  for (const name of ["service", "scope"]) {
    const value = fields.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
  const { token, access_token } = (await answer.json()) as Record<string, string | undefined>;
  const given = token ?? access_token;
  if (given === undefined) throw new Error(`${url}: no token in the answer`);
  return given;
}

/** The text of `bases.env` with each image pinned to the current digest of its tag. Comments stay. */
export async function pinned(text: string, digest = digestOf): Promise<string> {
  const lines = text.split("\n").map(async (line) => {
    const [, key, name] = /^(\w+)=(.+)$/.exec(line) ?? [];
    if (key === undefined || name === undefined) return line;
    return `${key}=${name.replace(/@.*/, "")}@${await digest(parseImageName(name))}`;
  });
  return (await Promise.all(lines)).join("\n");
}

if (import.meta.main) {
  const path = join(import.meta.dir, "bases.env");
  const text = await pinned(readFileSync(path, "utf8"));
  writeFileSync(path, text);
  console.log(text.replace(/^#.*\n/gm, "").trim());
}
