import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ImageArchive } from "./image-archive.ts";
import { cacheDir, checkout, imageName } from "./paths.ts";
import { run } from "./run.ts";
import {
  baseStandIn,
  bunStandIn,
  makeStandIns,
  otherArchitecture,
  otherStandIn,
} from "./stand-ins.ts";
import { Workshop } from "./workshop.ts";

/** The checkout's files that the image is built from and with. */
const inputs = [
  ".dockerignore",
  "Dockerfile",
  "LICENSE",
  "bun.lock",
  "bunfig.toml",
  "deploy",
  "docker-build.sh",
  "package.json",
  "src",
  "test/image/built-image.ts",
  "test/image/stand-ins.ts",
  "tsconfig.json",
];

/** The image of this checkout. */
export interface BuiltImage {
  /** Path of the OCI archive with {@link imageName}, which outlives the run. */
  readonly archive: string;
  /** Digest of its manifest. */
  readonly digest: string;
  /** Seconds that each part of the build took. */
  readonly seconds: Readonly<Record<string, number>>;
  /** True if it came from the cache. */
  readonly cached: boolean;
}

/**
 * The image of this checkout: from the cache if its files are equal, else built by `docker-build.sh`, on stand-ins for
 * the public bases.
 */
export async function builtImage(): Promise<BuiltImage> {
  // Named after the hash of its files, so that two checkouts don't use each other's image.
  const key = contentKey().slice(0, 16);
  const archive = join(cacheDir(), `${key}.tar`);
  const record = join(cacheDir(), `${key}.json`);
  if (existsSync(archive) && existsSync(record)) {
    return { ...JSON.parse(readFileSync(record, "utf8")), archive, cached: true };
  }
  return inWorkshop(async (workshop, seconds) => {
    const made = join(workshop.directory, "image.tar");
    await timed(seconds, "build", () => build(workshop, "one", made, native));
    const image = { digest: await digestOf(made), seconds };
    mkdirSync(cacheDir(), { recursive: true });
    forgetOldImages();
    // In this order, so that a record always has its archive.
    await run(["cp", made, `${archive}.new`]);
    renameSync(`${archive}.new`, archive);
    writeFileSync(record, JSON.stringify(image));
    return { ...image, archive, cached: false };
  });
}

/** What comes of building it once more, and of building it for the other architecture. */
export interface OtherBuilds {
  /** Digest of the manifest of a build of another copy of the sources, nothing being reused. */
  readonly rebuiltDigest: string;
  /** What was built for the other architecture: what the image says, and the head of its executable. */
  readonly other: { readonly architecture: string; readonly elfMachine: number };
  /** How long each part took, s. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** Builds for comparison with {@link builtImage}. */
export function otherBuilds(): Promise<OtherBuilds> {
  return inWorkshop(async (workshop, seconds) => {
    const second = join(workshop.directory, "second.tar");
    await timed(seconds, "second build", () => build(workshop, "another", second, native));
    const third = join(workshop.directory, "third.tar");
    const foreign = ["--base-image", otherStandIn, "--platform", `linux/${otherArchitecture}`];
    await timed(seconds, "cross build", () => build(workshop, "third", third, foreign));
    const other = await otherOf(third, join(workshop.directory, "third-unpacked"));
    return { rebuiltDigest: await digestOf(second), other, seconds };
  });
}

const native = ["--base-image", baseStandIn];

/** Where the stand-ins are. `seconds` takes what was {@link timed}. */
async function inWorkshop<T>(
  work: (workshop: Workshop, seconds: Record<string, number>) => Promise<T>,
): Promise<T> {
  const workshop = new Workshop();
  try {
    const seconds: Record<string, number> = {};
    await timed(seconds, "stand-ins", () => makeStandIns(workshop));
    return await work(workshop, seconds);
  } finally {
    await workshop.close();
  }
}

async function timed(
  seconds: Record<string, number>,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const started = performance.now();
  await work();
  seconds[name] = Math.round((performance.now() - started) / 100) / 10;
}

/** Number of images that the cache keeps beside a new one, since other checkouts may use theirs. */
const kept = 3;

function forgetOldImages(): void {
  const images = readdirSync(cacheDir())
    .filter((name) => /^[0-9a-f]{16}\.tar$/.test(name))
    .map((name) => join(cacheDir(), name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const archive of images.slice(kept)) {
    for (const path of [archive.replace(/tar$/, "json"), archive]) rmSync(path, { force: true });
  }
}

/** Hash of all inputs' names and bytes, and of the builder. */
export function contentKey(): string {
  const hash = createHash("sha256").update(`${process.arch} ${Bun.version}\n`);
  for (const input of inputs) {
    const paths = statSync(join(checkout, input)).isDirectory()
      ? (readdirSync(join(checkout, input), { recursive: true }) as string[])
          .map((path) => join(input, path))
          .filter((path) => statSync(join(checkout, path)).isFile())
      : [input];
    for (const path of paths.filter((each) => !/\.(test\.ts|md)$/.test(each)).sort()) {
      const content = readFileSync(join(checkout, path));
      hash.update(`${path} ${content.length}\n`).update(content);
    }
  }
  return hash.digest("hex");
}

/** Copies the inputs to a directory of this name, with its own path and times, and builds there. */
async function build(
  workshop: Workshop,
  name: string,
  archive: string,
  options: readonly string[],
): Promise<void> {
  const directory = join(workshop.directory, name);
  for (const input of inputs) {
    cpSync(join(checkout, input), join(directory, input), { recursive: true });
  }
  const npmrc = join(homedir(), ".npmrc");
  await run(
    [
      "./docker-build.sh",
      ["--builder", "buildah"],
      ["--tag", imageName],
      ["--bun-image", bunStandIn],
      options,
      ["--output", archive],
      existsSync(npmrc) ? ["--npmrc", npmrc] : [],
      ["--", "--no-cache", "--pull-never"],
    ].flat(),
    { cwd: directory, env: { ...workshop.env, ...provenance() } },
  );
}

/** The copies have no git history. The time is an arbitrary past one. */
function provenance(): Record<string, string> {
  return {
    REVISION: "0123456789abcdef0123456789abcdef01234567",
    SOURCE_DATE_EPOCH: "1767225600",
    SOURCE_URL: "https://example.org/video-device-plugin",
  };
}

/** e_machine is at byte 18 of an ELF file (elf(5)). */
async function otherOf(archive: string, directory: string): Promise<OtherBuilds["other"]> {
  const image = await ImageArchive.open(archive, directory);
  await image.unpack(join(directory, "rootfs"));
  const executable = readFileSync(join(directory, "rootfs/usr/bin/video-device-plugin"));
  return { architecture: image.config.architecture, elfMachine: executable.readUInt16LE(18) };
}

/** Digest of the only manifest in an OCI archive. */
async function digestOf(archive: string): Promise<string> {
  const index = JSON.parse(
    await run(["tar", "--extract", "--to-stdout", "--file", archive, "index.json"]),
  );
  return index.manifests[0].digest;
}
