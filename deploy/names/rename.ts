import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { namesOf } from "./names.ts";

/** Files that keep former names, since they are history, and files without a name of ours. */
const kept = /^(CHANGELOG\.md|LICENSE|bun\.lock)$|\.(png|sum)$/;

/** Paths of the files that may name an address of the project: in git, or untracked and not ignored. */
export function namingFiles(root: string): string[] {
  const command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
  const paths = [...new Set(stdout.toString().split("\0").filter(Boolean))].sort();
  // Neither a link nor a file that was removed a moment ago.
  const isFile = (path: string) =>
    lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
  return paths.filter((path) => !kept.test(path) && isFile(path));
}

/**
 * Writes the addresses that `repository` of package.json stands for into every file that still has those of the
 * former `repository`, which `homepage` names until this has run.
 *
 * @returns the changed paths, relative to `root`; none if the names did not change.
 */
export function renderNames(root: string): string[] {
  const { repository, homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const former = String(homepage).replace(/^https:\/\/github\.com\//, "github:");
  return former === repository
    ? []
    : rewrite(root, renaming(former, repository), namingFiles(root));
}

/**
 * Writes the version of package.json into the chart, the kustomizations and the documents that still have the former one,
 * which is the chart's until this has run.
 *
 * @returns the changed paths, relative to `root`.
 */
export function renderVersion(root: string): string[] {
  const { version, repository } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const chart = readFileSync(join(root, "deploy/helm/video-device-plugin/Chart.yaml"), "utf8");
  const [, former] = /^appVersion: (.*)$/m.exec(chart) ?? [];
  if (former === undefined || former === version) return [];
  const versioned = /^deploy\/(helm|kubernetes)\/|\.md$/;
  const paths = namingFiles(root).filter((path) => versioned.test(path));
  return rewrite(root, withVersion(former, version, namesOf(repository).image), paths);
}

/** A function that replaces one version of the plugin by another. @param image the plugin's, without a tag. */
export function withVersion(from: string, to: string, image: string): (text: string) => string {
  // Files, images and charts with the plugin's name; fields of YAML; the plugin's own output.
  const name = `(?:video-device-plugin|${RegExp.escape(image)})[\\w/-]*[:-]`;
  const before = `${name}|(?:[vV]ersion|newTag): |\\bplugin(?:,|  +) ?`;
  const pattern = new RegExp(`(${before})${RegExp.escape(from)}(?![\\w+]|\\.\\d)`, "g");
  return (text) => text.replaceAll(pattern, (_, prefix) => prefix + to);
}

function rewrite(root: string, change: (text: string) => string, paths: readonly string[]) {
  return paths.filter((path) => {
    const file = join(root, path);
    const text = readFileSync(file, "utf8");
    const changed = change(text);
    if (changed !== text) writeFileSync(file, changed);
    return changed !== text;
  });
}

/** A function that replaces the addresses of one `repository` by those of another. */
export function renaming(from: string, to: string): (text: string) => string {
  const [old, now] = [namesOf(from), namesOf(to)];
  const path = (sources: string) => sources.replace("https://github.com/", "");
  /** What may not follow: a longer name is another repository's. */
  const end = "(?![\\w-])";
  const rules = [
    [
      `(github|githubusercontent)\\.com/${RegExp.escape(path(old.sources))}${end}`,
      `$1.com/${path(now.sources)}`,
    ],
    [`github\\.com/${RegExp.escape(old.owner)}(?![\\w/-]|\\.\\w)`, `github.com/${now.owner}`],
    [`${RegExp.escape(old.image)}(?!\\w)`, now.image],
    [`${RegExp.escape(old.charts.replace("oci://", ""))}${end}`, now.charts.replace("oci://", "")],
    // The argument of gh.
    [`(?<=--repo )${RegExp.escape(path(old.sources))}${end}`, path(now.sources)],
    // A team in CODEOWNERS.
    [`(?<!\\w)@${RegExp.escape(old.owner)}/`, `@${now.owner}/`],
  ].map(([pattern = "", by = ""]) => [new RegExp(pattern, "g"), by] as const);
  return (text) => rules.reduce((renamed, [pattern, by]) => renamed.replaceAll(pattern, by), text);
}
