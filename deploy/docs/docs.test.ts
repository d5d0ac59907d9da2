import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { loadConfig, type Sources } from "../../src/config/load-config.ts";
import { optionKeys, options } from "../../src/config/options.ts";
import { renderHelp } from "../../src/config/render-help.ts";
import { wrap } from "../../src/config/wrap.ts";
import { renderEnvExample } from "./env-example.ts";
import {
  OPTIONS_END,
  OPTIONS_START,
  renderOptionsTable,
  replaceOptionsTable,
} from "./options-table.ts";

const bare: Sources = {
  argv: [],
  env: {},
  hostname: "node-1",
  readFile: () => renderEnvExample(),
  lookupGroup: () => undefined,
};

describe("the table", () => {
  test("has flags and variables of its own for each option", () => {
    expect(new Set(optionKeys.map((key) => options[key].flag)).size).toBe(optionKeys.length);
    expect(new Set(optionKeys.map((key) => options[key].env)).size).toBe(optionKeys.length);
  });
  test.each(optionKeys.map((key) => options[key]))("$flag is named by the rules", (option) => {
    expect(option.flag).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(option.flag).not.toStartWith("no-");
    expect(option.env).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    expect(option.description).toMatch(/^[A-Z].*\.$/);
    expect(option.type.expected).not.toMatch(/\.$/);
  });
});

describe(".env.example", () => {
  test("parses back to the defaults", () => {
    const fromFile = loadConfig({ ...bare, argv: ["--env-file=.env.example"] });
    const fromNothing = loadConfig(bare);
    expect("config" in fromFile).toBe(true);
    expect({ ...fromFile, origins: undefined }).toEqual({ ...fromNothing, origins: undefined });
  });
  test("sets every variable once", () => {
    for (const key of optionKeys) {
      expect(renderEnvExample().split(`\n${options[key].env}=`)).toHaveLength(2);
    }
  });
});

describe("help", () => {
  test("fits into 100 columns", () => {
    for (const line of renderHelp().split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
  test("names every flag, variable, default and what is allowed", () => {
    const words = renderHelp().replace(/\s+/g, " ").toLowerCase();
    for (const key of optionKeys) {
      const { flag, env, default: text, type } = options[key];
      expect(words).toContain(type.isSwitch ? `--[no-]${flag} ` : `--${flag} `);
      expect(words).toContain(`[${env}, default ${text}`.toLowerCase());
      if (!type.isSwitch) expect(words).toContain(type.expected.toLowerCase());
    }
    expect(words).toContain("--env-file path");
  });
});

describe("the table of docs/options.md", () => {
  test("has a row of five cells for each option", () => {
    const rows = renderOptionsTable().trimEnd().split("\n");
    expect(rows).toHaveLength(optionKeys.length + 3);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(7);
  });
  test("is replaced between its markers and nowhere else", () => {
    const page = `a\n${OPTIONS_START}\nold\n${OPTIONS_END}\nb\n`;
    const expected = `a\n${OPTIONS_START}\n${renderOptionsTable()}${OPTIONS_END}\nb\n`;
    expect(replaceOptionsTable(page)).toBe(expected);
    expect(replaceOptionsTable(expected)).toBe(expected);
    expect(replaceOptionsTable("no markers")).toBeUndefined();
  });
});

test("wrapping keeps all words and their order, and the width where words allow", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 40 }), (parts, width) => {
      const text = parts.join(" ");
      const lines = wrap(text, width);
      expect(lines.join(" ").trim()).toBe(text.split(/\s+/).filter(Boolean).join(" "));
      for (const line of lines) expect(line.length <= width || !line.includes(" ")).toBe(true);
    }),
  );
});
