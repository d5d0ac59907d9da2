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
import { changelogSection } from "./release/changelog.ts";
import { ARCHITECTURES, artefactName, tarballFiles } from "./release/contents.ts";
import { gitFacts, releaseTime } from "./release/git-facts.ts";
import { imageTags, parseVersion } from "./release/image-tags.ts";
import { refusals } from "./release/refusals.ts";
import { tarball } from "./release/tarball.ts";
import { hashesOfLockfile, renderBom } from "./sbom.ts";

const usage = `Usage: bun run release [--dry-run]

Makes in dist/release, of the version that package.json has:
  video-device-plugin-VERSION-linux-amd64.tar.gz (and -arm64)   program, service, manifests, documents, licences
  video-device-plugin-VERSION-linux-amd64.cdx.json (and -arm64) bill of materials, CycloneDX
  SHA256SUMS          of these
  release-notes.md    the version's section of CHANGELOG.md
  image-tags.txt      what an image of it is to be tagged with, a line each

The tree has to be clean, the commit to have the tag vVERSION, the section in CHANGELOG.md a date, and each image in
deploy/image/bases.env a digest.
Equal commits make equal bytes. Nothing is uploaded. SOURCE_DATE_EPOCH sets another time than the commit's.

Options:
  --dry-run  Makes everything although something of that is missing, and says what.
  --help     Shows this text.
`;

const root = join(import.meta.dir, "..");
const target = join(root, "dist/release");

function fail(message: string, exitCode = 1): never {
  console.error(`release: ${message}`);
  process.exit(exitCode);
}

function options() {
  try {
    const types = { "dry-run": { type: "boolean" }, help: { type: "boolean" } } as const;
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

function release(dryRun: boolean): void {
  const version = parseVersion(manifest.version);
  if (version === undefined) fail(`package.json: "${manifest.version}" is no version to release`);
  const git = gitFacts(root);
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const section = changelogSection(changelog, version.text);
  const unpinned = unpinnedBases(readFileSync(join(root, "deploy/image/bases.env"), "utf8"));
  const reasons = refusals({ version: version.text, ...git, section, unpinned });
  if (reasons.length > 0 && !dryRun) {
    fail(["this can't be released:", ...reasons.map((reason) => `- ${reason}`)].join("\n"));
  }
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
  const sums = [...artefacts].map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`);
  for (const [name, bytes] of artefacts) writeFileSync(join(target, name), bytes);
  const notes = (section ?? changelogSection(changelog, "Unreleased"))?.notes ?? "";
  const released = git.releases.flatMap((tag) => parseVersion(tag.slice(1)) ?? []);
  const tags = imageTags(version, released);
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

const { help, "dry-run": dryRun = false } = options();
if (help) {
  console.log(usage.trimEnd());
} else {
  try {
    release(dryRun);
  } catch (error) {
    fail((error as Error).message);
  }
}
