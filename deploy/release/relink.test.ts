import { expect, test } from "bun:test";
import { linkToPages, relink } from "./relink.ts";

const places: Record<string, string> = {
  "docs/nodes.md": "docs/nodes.md",
  "docs/status.png": "docs/status.png",
  "deploy/systemd/unit": "unit",
  "deploy/systemd/modules": "modules",
};
const moved = (markdown: string, from: string, to = from) =>
  relink(markdown, { from, to }, (path) => places[path]);

test("links follow their targets", () => {
  expect(moved("[unit](../deploy/systemd/unit#x)", "docs/nodes.md")).toBe("[unit](../unit#x)");
  expect(moved("[dir](deploy/systemd/modules/)", "README.md")).toBe("[dir](modules)");
});

test("links follow their own text", () => {
  expect(moved("[nodes](../../docs/nodes.md)", "deploy/a/README.md", "a/README.md")).toBe(
    "[nodes](../docs/nodes.md)",
  );
});

test("a link to an absent target becomes plain text", () => {
  expect(moved("see [the test](test/x.ts#L1), or not", "README.md")).toBe("see the test, or not");
});

test("links to web pages, to the page itself, and correct ones stay as they are", () => {
  const text = "[a](https://example.com/a) [b](#b) [c](docs/nodes.md#c) [picture](docs/status.png)";
  expect(moved(text, "README.md")).toBe(text);
});

test("code stays as it is", () => {
  const text = "[x](gone)\n```sh\necho [x](gone)\n```\n[x](gone)\n";
  expect(moved(text, "README.md")).toBe("x\n```sh\necho [x](gone)\n```\nx\n");
});

test("links to files lead to their web pages", () => {
  const text = "[a](../docs/a.md#x) [b](#b) [c](https://example.com)\n```sh\n[d](d)\n```\n";
  expect(linkToPages(text, "deploy/README.md", "https://example.com/blob/v1")).toBe(
    "[a](https://example.com/blob/v1/docs/a.md#x) [b](#b) [c](https://example.com)\n```sh\n[d](d)\n```\n",
  );
});
