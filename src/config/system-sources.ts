import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Sources } from "./load-config.ts";
import { findGroup } from "./types/group.ts";

/** The sources of a real run. The one place in the program where the environment is read. */
export function systemSources(argv: readonly string[]): Sources {
  return {
    argv,
    env: process.env,
    hostname: hostname(),
    readFile: (path) => readFileSync(path, "utf8"),
    lookupGroup: (name) => {
      try {
        return findGroup(readFileSync("/etc/group", "utf8"), name);
      } catch {
        // a minimal container image has no such file, and so knows no group by name
        return undefined;
      }
    },
  };
}
