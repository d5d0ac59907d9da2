import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foreign, html } from "./html.ts";

describe("a template", () => {
  test("escapes what is not markup, and leaves markup alone", () => {
    const inner = html`<b>${"a & b"}</b>`;
    expect(String(html`<p title="${`"'`}">${inner}${["<", 3]}</p>`)).toBe(
      '<p title="&quot;&#39;"><b>a &amp; b</b>&lt;3</p>',
    );
  });

  test("leaves out what isn't there, but not what is zero", () => {
    expect(String(html`[${undefined}${false}${""}${0}]`)).toBe("[0]");
  });

  test("lets no text open or close a tag, an attribute or an entity of its own", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(String(html`${text}`)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });

  test("shows control characters as what a parser makes of them", () => {
    expect(String(html`${"a\0b\x1bc\td\n"}`)).toBe("a\ufffdb\ufffdc\td\n");
  });

  test("keeps a foreign text's direction to itself", () => {
    expect(String(foreign("\u202eabc<"))).toBe("<bdi>\u202eabc&lt;</bdi>");
  });
});
