import { envFileOption, groupedOptions, type Option } from "../../src/config/options.ts";
import { defaultInWords } from "../../src/config/render-help.ts";

/** Stands before the table in `docs/options.md`. */
export const OPTIONS_START = "<!-- options:start -->";
/** Stands after the table in `docs/options.md`. */
export const OPTIONS_END = "<!-- options:end -->";

/** The table of options in `docs/options.md`; ends with a line break. */
export function renderOptionsTable(): string {
  const rows = [...groupedOptions().values()].flat().map(renderRow);
  const envFile = row(code(`--${envFileOption.flag}`), "", "", "a path", envFileOption.description);
  const head = row("Flag", "Variable", "Default", "Allowed", "Meaning");
  return `${[head, "|---|---|---|---|---|", ...rows, envFile].join("\n")}\n`;
}

/**
 * `page` with the table between its markers replaced by the present one.
 * Undefined if it lacks the markers.
 */
export function replaceOptionsTable(page: string): string | undefined {
  const start = page.indexOf(OPTIONS_START);
  const end = page.indexOf(OPTIONS_END);
  if (start < 0 || end < start) return undefined;
  const before = page.slice(0, start + OPTIONS_START.length);
  return `${before}\n${renderOptionsTable()}${page.slice(end)}`;
}

function renderRow(option: Option<unknown>): string {
  const { flag, env, type, description } = option;
  const standard =
    option.defaultFrom === undefined && option.default !== ""
      ? code(option.default)
      : defaultInWords(option);
  const name = code(type.isSwitch ? `--[no-]${flag}` : `--${flag}`);
  return row(name, code(env), standard, type.expected, description);
}

function code(text: string): string {
  return `\`${text}\``;
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
