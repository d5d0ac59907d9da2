import { stringify } from "yaml";
import { apiVersion, fileKind } from "./declaration.ts";
import type { FilePool } from "./file-pool.ts";
import { poolContent } from "./pool-content.ts";
import { schemaAddress } from "./schema-address.ts";

/** The pools as a file with all defaults filled in; ends with a line break. */
export function renderPools(pools: readonly FilePool[]): string {
  const content = { apiVersion, kind: fileKind, pools: pools.map(poolContent) };
  // Quotes where YAML 1.1, as in Helm, would read another value: off, 0666.
  const text = stringify(content, {
    compat: "yaml-1.1",
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  return `# yaml-language-server: $schema=${schemaAddress}\n${text}`;
}
