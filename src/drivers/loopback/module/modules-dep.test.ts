import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { loadOrder, moduleName, parseModulesBuiltin, parseModulesDep } from "./modules-dep.ts";

const MC = "kernel/drivers/media/mc/mc.ko.zst";
const VIDEODEV = "kernel/drivers/media/v4l2-core/videodev.ko.zst";
const LOOPBACK = "kernel/v4l2loopback/v4l2loopback.ko.zst";
const TEXT = `${MC}:\n${VIDEODEV}: ${MC}\n${LOOPBACK}: ${VIDEODEV} ${MC}\nkernel/drivers/hid/hid-generic.ko.zst:\n`;

describe("modules.dep", () => {
  test("what a module needs is loaded before it, from right to left", () => {
    const entry = parseModulesDep(TEXT).get("v4l2loopback");
    expect(entry && loadOrder(entry, new Set())).toEqual([MC, VIDEODEV, LOOPBACK]);
  });

  test("what is built in is left out", () => {
    const builtin = parseModulesBuiltin("kernel/drivers/media/mc/mc.ko\n\n");
    const entry = parseModulesDep(TEXT).get("v4l2loopback");
    expect(entry && loadOrder(entry, builtin)).toEqual([VIDEODEV, LOOPBACK]);
  });

  test("dashes and underscores are the same", () => {
    expect(parseModulesDep(TEXT).get("hid_generic")?.needs).toEqual([]);
    expect(moduleName("a-b/c-d_e.ko.xz")).toBe("c_d_e");
  });

  test("lines that are none are skipped, and the first of two names counts", () => {
    const text = "# comment: x\n\ngarbage\na/x.ko: b/y.ko\nc/x.ko:\n";
    expect([...parseModulesDep(text).values()]).toEqual([
      { name: "x", path: "a/x.ko", needs: ["b/y.ko"] },
    ]);
  });

  test("whatever is written is read back", () => {
    const suffix = fc.constantFrom(".ko", ".ko.gz", ".ko.xz", ".ko.zst");
    const path = fc
      .tuple(
        fc.stringMatching(/^[a-z][a-z0-9/]{0,9}$/),
        fc.stringMatching(/^[a-z0-9_]{1,9}$/),
        suffix,
      )
      .map(([dir, name, end]) => `${dir}/${name}${end}`);
    const tree = fc.uniqueArray(fc.record({ path, needs: fc.array(path, { maxLength: 5 }) }), {
      selector: (entry) => moduleName(entry.path),
    });
    fc.assert(
      fc.property(tree, (entries) => {
        const text = entries.map((entry) => `${entry.path}: ${entry.needs.join(" ")}\n`).join("");
        const parsed = parseModulesDep(text);
        expect([...parsed.values()].map(({ path, needs }) => ({ path, needs }))).toEqual(entries);
        for (const entry of parsed.values()) {
          expect(loadOrder(entry, new Set()).toReversed()).toEqual([entry.path, ...entry.needs]);
        }
      }),
    );
  });

  test("any text is parsed without an error", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseModulesDep(text)));
  });
});
