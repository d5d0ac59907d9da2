import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { links, tableRows } from "../support/markdown.ts";

const docs = join(import.meta.dir, "../../docs");
const rows = tableRows(readFileSync(join(docs, "reports.md"), "utf8"), "symptom");

/** `[kubernetes#121994](https://github.com/kubernetes/kubernetes/issues/121994)` */
const report =
  /^\[([\w.-]+)#(\d+)\]\(https:\/\/github\.com\/[\w.-]+\/([\w.-]+)\/(?:issues|pull)\/(\d+)\)$/;

test("there are rows, each with a symptom, reports, what is done, and what shows it", () => {
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => row.length !== 4 || row.includes(""))).toEqual([]);
});

test("every report is a link whose text is its address, and is there once", () => {
  const reports = rows.flatMap(([, cell = ""]) => cell.split(", "));
  const named = (link: string) => {
    const [, project, number, repository, issue] = report.exec(link) ?? [];
    return project !== undefined && project === repository && number === issue;
  };
  expect(reports.filter((link) => !named(link))).toEqual([]);
  expect(reports.filter((link, index) => reports.indexOf(link) !== index)).toEqual([]);
});

test("every row names a document, or a test by its title", () => {
  const wrong = rows.flatMap(([symptom, , , cell = ""]) =>
    cell.split("; ").flatMap((shown) => problems(shown).map((problem) => ({ symptom, problem }))),
  );
  expect(wrong).toEqual([]);
});

/** What is wrong with `[name](path)` or `[name](path): *title*, *another title*`. */
function problems(shown: string): string[] {
  const [path] = links(shown);
  if (path === undefined) return [`no link: ${shown}`];
  const file = join(docs, path.replace(/#.*/, ""));
  if (!existsSync(file)) return [`no such file: ${path}`];
  const titles = [...shown.matchAll(/\*([^*]+)\*/g)].map(([, title = ""]) => title);
  if (/\.(test|e2e)\.ts$/.test(path) && titles.length === 0) return [`no title: ${shown}`];
  const source = readFileSync(file, "utf8");
  return titles.filter((title) => !source.includes(title)).map((title) => `no test "${title}"`);
}
