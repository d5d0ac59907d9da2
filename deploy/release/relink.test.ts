import { expect, test } from "bun:test";
import { relink } from "./relink.ts";

const places: Record<string, string> = {
  "docs/nodes.md": "docs/nodes.md",
  "docs/status.png": "docs/status.png",
  "deploy/systemd/unit": "unit",
  "deploy/systemd/modules": "modules",
};
const moved = (markdown: string, from: string, to = from) =>
  relink(markdown, { from, to }, (path) => places[path]);

test("links follow what they lead to", () => {
  expect(moved("[unit](../deploy/systemd/unit#x)", "docs/nodes.md")).toBe("[unit](../unit#x)");
  expect(moved("[dir](deploy/systemd/modules/)", "README.md")).toBe("[dir](modules)");
});

test("links follow the text that has them", () => {
  expect(moved("[nodes](../../docs/nodes.md)", "deploy/a/README.md", "a/README.md")).toBe(
    "[nodes](../docs/nodes.md)",
  );
});

test("what didn't come along is named and not linked to", () => {
  expect(moved("see [the test](test/x.ts#L1), or not", "README.md")).toBe("see the test, or not");
});

test("links to elsewhere, to the page itself, and right ones stay as they are", () => {
  const text = "[a](https://example.com/a) [b](#b) [c](docs/nodes.md#c) [picture](docs/status.png)";
  expect(moved(text, "README.md")).toBe(text);
});

test("code stays as it is", () => {
  const text = "[x](gone)\n```sh\necho [x](gone)\n```\n[x](gone)\n";
  expect(moved(text, "README.md")).toBe("x\n```sh\necho [x](gone)\n```\nx\n");
});
