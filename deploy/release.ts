/**
 * Builds the files of a release in `dist/release`. It uses no network: the workflow
 * `.github/workflows/release.yaml` uploads these files.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { bunLicencePage } from "./bun-licence.ts";
import { bundledPackages, readMetafile } from "./bundled-packages.ts";
import { unpinnedBases } from "./image/bases.ts";
import { names } from "./names/names.ts";
import { changelogSection } from "./release/changelog.ts";
import { chartArchive, chartArchiveName } from "./release/chart-archive.ts";
import { ARCHITECTURES, artefactName, tarballFiles } from "./release/contents.ts";
import { gitFacts, releaseTime } from "./release/git-facts.ts";
import { imageTags, parseVersion } from "./release/image-tags.ts";
import { installManifest, isDigest } from "./release/install-manifest.ts";
import { noDigest, refusals } from "./release/refusals.ts";
import { tarball } from "./release/tarball.ts";
import { hashesOfLockfile, renderBom } from "./sbom.ts";

const usage = `Usage: bun run release [--dry-run] [--image-digest sha256:…]
       bun run release --check

Makes in dist/release, of the version that package.json has:
  video-device-plugin-VERSION-linux-amd64.tar.gz (and -arm64)   program, service, manifests, documents, licences
  video-device-plugin-VERSION-linux-amd64.cdx.json (and -arm64) bill of materials, CycloneDX
  video-device-plugin-VERSION.tgz   the Helm chart, for helm install and helm push
  install.yaml        a whole installation for kubectl apply -f, which names the image by its digest
  SHA256SUMS          of these
  release-notes.md    the version's section of CHANGELOG.md
  image-tags.txt      what an image of it is to be tagged with, a line each

The tree has to be clean, the commit to have the tag vVERSION, the section in CHANGELOG.md a date, and each image in
deploy/image/bases.env a digest. In GitHub's actions, the repository has to be the one that package.json names.
Equal commits make equal bytes. Nothing is uploaded. SOURCE_DATE_EPOCH sets another time than the commit's.

Options:
  --image-digest DIGEST  The digest of the image of this commit in its registry, for install.yaml.
  --dry-run  Makes everything although something of that is missing, and says what. Without a digest,
             install.yaml has one of zeros.
  --check    Makes nothing. Prints where the image and the chart go, and the image's tags; fails if this
             commit can't be released.
  --help     Shows this text.
`;

/** In `install.yaml` of a dry run: no image has it. */
const zeros = `sha256:${"0".repeat(64)}`;

const root = join(import.meta.dir, "..");
const target = join(root, "dist/release");

function fail(message: string, exitCode = 1): never {
  console.error(`release: ${message}`);
  process.exit(exitCode);
}

function options() {
  try {
    const types = {
      "dry-run": { type: "boolean" },
      "image-digest": { type: "string" },
      check: { type: "boolean" },
      help: { type: "boolean" },
    } as const;
    return parseArgs({ args: process.argv.slice(2), options: types }).values;
  } catch (error) {
    fail(`${(error as Error).message}\n\n${usage}`, 64);
  }
}

function run(script: string, ...args: string[]): void {
  const command = [process.execPath, join("deploy", script), ...args];
  const { exitCode } = Bun.spawnSync(command, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) fail(`deploy/${script} ended with ${exitCode}`);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What is released, and the obstacles to that. */
function facts() {
  const version = parseVersion(manifest.version);
  if (version === undefined) fail(`package.json: "${manifest.version}" is no version to release`);
  const git = gitFacts(root);
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const section = changelogSection(changelog, version.text);
  const unpinned = unpinnedBases(readFileSync(join(root, "deploy/image/bases.env"), "utf8"));
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  const releasedBy = server && repository ? `${server}/${repository}` : undefined;
  const { sources } = names;
  const found = { version: version.text, ...git, section, unpinned, sources, releasedBy };
  const notes = (section ?? changelogSection(changelog, "Unreleased"))?.notes ?? "";
  const released = git.releases.flatMap((tag) => parseVersion(tag.slice(1)) ?? []);
  return { version, git, notes, tags: imageTags(version, released), reasons: refusals(found) };
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  fail(["this can't be released:", ...reasons.map((reason) => `- ${reason}`)].join("\n"));
}

/** Prints lines for `$GITHUB_OUTPUT`. */
function check(): void {
  const { reasons, tags } = facts();
  refuse(reasons);
  console.log(`image=${names.image}\ncharts=${names.charts}\ntags=${tags.join(" ")}`);
}

function release(dryRun: boolean, digest: string | undefined): void {
  const { version, git, notes, tags, reasons } = facts();
  if (digest === undefined) reasons.push(noDigest);
  if (!dryRun) refuse(reasons);
  const seconds = releaseTime(process.env["SOURCE_DATE_EPOCH"], git.committed);

  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  run("build.ts", "--all");
  run("notices.ts");
  const artefacts = new Map<string, Uint8Array>();
  for (const { bun, name: architecture } of ARCHITECTURES) {
    const name = artefactName(version.text, architecture);
    const executable = join(root, `dist/video-device-plugin-linux-${bun}`);
    const bill = join(target, `${name}.cdx.json`);
    writeFileSync(bill, billOf(executable, seconds));
    const built = { executable, bill, notices: join(root, "dist/THIRD-PARTY-NOTICES") };
    artefacts.set(`${name}.cdx.json`, readFileSync(bill));
    artefacts.set(`${name}.tar.gz`, tarball(name, tarballFiles(root, git.tracked, built), seconds));
  }
  artefacts.set(chartArchiveName, chartArchive(root, git.tracked, seconds, notes));
  artefacts.set("install.yaml", Buffer.from(installManifest(root, digest ?? zeros)));
  const sums = [...artefacts].map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`);
  for (const [name, bytes] of artefacts) writeFileSync(join(target, name), bytes);
  writeFileSync(join(target, "SHA256SUMS"), sums.join(""));
  writeFileSync(join(target, "release-notes.md"), `${notes}\n`);
  writeFileSync(join(target, "image-tags.txt"), tags.map((tag) => `${tag}\n`).join(""));

  for (const [name, { length }] of artefacts) {
    console.log(`dist/release/${name}  ${Math.ceil(length / 1000)} kB`);
  }
  console.log(`dist/release/image-tags.txt  ${tags.join(", ")}`);
  for (const reason of reasons) console.error(`release: not releasable yet: ${reason}`);
}

/** The bill of materials of the executable built last. */
function billOf(executable: string, seconds: number): string {
  return renderBom({
    packages: bundledPackages(readMetafile(root), root),
    bunPage: bunLicencePage(root),
    executableHash: sha256(readFileSync(executable)),
    packageHash: hashesOfLockfile(readFileSync(join(root, "bun.lock"), "utf8")),
    timestamp: new Date(seconds * 1000),
    baseImage: undefined,
  });
}

const { help, check: checks, "dry-run": dryRun = false, "image-digest": digest } = options();
if (digest !== undefined && !isDigest(digest)) {
  fail(`--image-digest: expected sha256: and 64 hexadecimal digits, got "${digest}"`, 64);
}
if (help) {
  console.log(usage.trimEnd());
} else {
  try {
    if (checks) check();
    else release(dryRun, digest);
  } catch (error) {
    fail((error as Error).message);
  }
}
