import type { ModuleVersion } from "./provision.ts";

/** How scenarios went with each version: a table in Markdown, as docs/v4l2loopback.md has them. */
export class ResultsTable {
  readonly #versions: readonly ModuleVersion[];
  readonly #rows: Map<string, Map<ModuleVersion, string>>;

  /** @param scenarios Names of rows, in their order; others follow as they are added. */
  constructor(scenarios: readonly string[], versions: readonly ModuleVersion[]) {
    this.#versions = versions;
    this.#rows = new Map(scenarios.map((name) => [name, new Map()]));
  }

  /** A row has a blank where a version has no such scenario. */
  add(version: ModuleVersion, scenario: string, how: string): void {
    const row = this.#rows.get(scenario) ?? new Map<ModuleVersion, string>();
    this.#rows.set(scenario, row.set(version, how));
  }

  /** Without the versions of which nothing was added. "" if there are no others. */
  toString(): string {
    const played = this.#versions.filter((version) =>
      [...this.#rows.values()].some((cells) => cells.has(version)),
    );
    if (played.length === 0) return "";
    const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    return [
      row(["scenario", ...played]),
      row(["---", ...played.map(() => "---")]),
      ...[...this.#rows].map(([name, cells]) =>
        row([name, ...played.map((version) => cells.get(version) ?? "")]),
      ),
    ].join("\n");
  }
}
