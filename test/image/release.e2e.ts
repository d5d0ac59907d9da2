import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { names } from "../../deploy/names/names.ts";
import { chartArchiveName } from "../../deploy/release/chart-archive.ts";
import { imageTags, parseVersion } from "../../deploy/release/image-tags.ts";
import { noDigest } from "../../deploy/release/refusals.ts";
import manifest from "../../package.json" with { type: "json" };
import { onlyInFullRun } from "../support/ci-size.ts";
import { checkout } from "./paths.ts";
import { run } from "./run.ts";

/**
 * `deploy/release.ts` as for a release, in a separate checkout that is prepared as CONTRIBUTING describes. Needs git, GNU
 * tar, and Bun's runtime for the other architecture, which it downloads once.
 */
const { version } = manifest;
const name = (architecture: string) => `video-device-plugin-${version}-linux-${architecture}`;
const digest = `sha256:${"5a".repeat(32)}`;
/** Time of the checkout's only commit, seconds since 1970. */
const committed = 1_700_000_000;

const work = mkdtempSync(join(tmpdir(), "vdp-release-"));
const root = join(work, "checkout");
const made = (file: string) => join(root, "dist/release", file);
afterAll(() => rmSync(work, { recursive: true }));

const git = (...args: string[]) =>
  run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
    cwd: root,
    env: { GIT_COMMITTER_DATE: `@${committed} +0000` },
  });

/** Skips a file that was just removed, and the text after the last zero. */
const isThere = (path: string) => path !== "" && existsSync(join(checkout, path));

/** Everything that a release requires, but a tag. */
beforeAll(async () => {
  const listed = await run(["git", "ls-files", "-z"], { cwd: checkout });
  for (const path of listed.split("\0").filter(isThere)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(join(checkout, path), join(root, path));
  }
  edit("deploy/image/bases.env", (text) => text.replace(/^(\w+=[^@\n]+).*$/gm, `$1@${digest}`));
  edit("CHANGELOG.md", (text) =>
    text.replace("## Unreleased\n", `## Unreleased\n\n## ${version} - 2026-11-23\n\n- News.\n`),
  );
  await run([process.execPath, "install", "--frozen-lockfile", "--silent"], { cwd: root });
  await git("init", "--quiet");
  await git("add", "--all");
  await git("commit", "--quiet", "--message=everything");
}, 120_000);

function edit(path: string, change: (text: string) => string): void {
  const file = join(root, path);
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

async function release(...args: string[]): Promise<{ code: number; errors: string }> {
  const started = performance.now();
  const child = Bun.spawn([process.execPath, "deploy/release.ts", ...args], {
    ...{ cwd: root, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    env: { ...process.env, SOURCE_DATE_EPOCH: "" },
  });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`release ${args.join(" ")}: ${code} after ${seconds} s`);
  return { code, errors };
}

const noTag = `package.json says ${version}, so this commit needs the tag v${version}; it has no tag. git tag -a v${version}`;

test("a commit without its tag is refused before any file is written", async () => {
  expect(await release()).toEqual({
    code: 1,
    errors: `release: this can't be released:\n- ${noTag}\n- ${noDigest}\n`,
  });
  expect(await release("--check")).toEqual({
    code: 1,
    errors: `release: this can't be released:\n- ${noTag}\n`,
  });
  expect(existsSync(join(root, "dist"))).toBe(false);
}, 30_000);

test("a dry run builds everything, and only the tag is missing", async () => {
  expect(await release("--dry-run", "--image-digest", digest)).toEqual({
    code: 0,
    errors: `release: not releasable yet: ${noTag}\n`,
  });
  expect(readdirSync(made("")).sort()).toEqual([
    "SHA256SUMS",
    "image-tags.txt",
    "install.yaml",
    "release-notes.md",
    `${name("amd64")}.cdx.json`,
    `${name("amd64")}.tar.gz`,
    `${name("arm64")}.cdx.json`,
    `${name("arm64")}.tar.gz`,
    chartArchiveName,
  ]);
}, 600_000);

test("install.yaml names the pushed image by its digest", () => {
  expect(readFileSync(made("install.yaml"), "utf8")).toContain(
    `image: "${names.image}@${digest}"\n`,
  );
});

test("the sums are those of all files that are published", async () => {
  const checked = await run(["sha256sum", "--check", "SHA256SUMS"], { cwd: made("") });
  expect(checked.split("\n").sort()).toEqual([
    "install.yaml: OK",
    ...["amd64", "arm64"].flatMap((one) => [
      `${name(one)}.cdx.json: OK`,
      `${name(one)}.tar.gz: OK`,
    ]),
    `${chartArchiveName}: OK`,
  ]);
});

// EM_X86_64 and EM_AARCH64 of elf.h.
test.each([
  ["amd64", 62],
  ["arm64", 183],
])(
  "the tarball for %s has that one's program, with its own bill, and what installs it",
  async (architecture, machine) => {
    await run(["tar", "--extract", `--file=${made(`${name(architecture)}.tar.gz`)}`], {
      cwd: work,
    });
    const inside = (file: string) => readFileSync(join(work, name(architecture), file));
    const program = inside("video-device-plugin");
    expect(program.readUInt16LE(18)).toBe(machine);
    const bill = inside("video-device-plugin.cdx.json");
    expect(bill).toEqual(readFileSync(made(`${name(architecture)}.cdx.json`)));
    const { metadata } = JSON.parse(bill.toString());
    const content = new Bun.CryptoHasher("sha256").update(program).digest("hex");
    expect(metadata.component).toMatchObject({ version, hashes: [{ alg: "SHA-256", content }] });
    expect(metadata.timestamp).toBe(new Date(committed * 1000).toISOString());
    expect(inside("THIRD-PARTY-NOTICES").toString()).toContain("@grpc/grpc-js");
    for (const script of ["install.sh", "uninstall.sh", "modules-load/modprobe.conf"]) {
      const path = `deploy/systemd/${script}`;
      expect(inside(script)).toEqual(readFileSync(join(checkout, path)));
    }
  },
);

test("the program of this machine's tarball runs, and has the version", async () => {
  const architecture = process.arch === "x64" ? "amd64" : "arm64";
  const said = await run([join(work, name(architecture), "video-device-plugin"), "version"]);
  expect(said).toStartWith(`video-device-plugin ${version} `);
});

test("the notes are the version's section, and the tags those of a first release", () => {
  expect(readFileSync(made("release-notes.md"), "utf8")).toStartWith("- News.\n");
  const tags = readFileSync(made("image-tags.txt"), "utf8").trim().split("\n");
  const parsed = parseVersion(version);
  expect(tags).toEqual(parsed === undefined ? [] : imageTags(parsed, []));
});

/** A release has just been made, all but its tag. */
const isMadeOnce = onlyInFullRun("a second release, for comparison with the first");

test.skipIf(isMadeOnce)(
  "with its tag it is released, with the same bytes",
  async () => {
    const sums = readFileSync(made("SHA256SUMS"), "utf8");
    await git("tag", `v${version}`);
    expect(await release("--check")).toEqual({ code: 0, errors: "" });
    expect(await release("--image-digest", digest)).toEqual({ code: 0, errors: "" });
    expect(readFileSync(made("SHA256SUMS"), "utf8")).toBe(sums);
  },
  600_000,
);
