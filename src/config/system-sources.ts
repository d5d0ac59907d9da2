import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { readSmallFile } from "../common/files.ts";
import type { Sources } from "./load-config.ts";
import { findGroup } from "./types/group.ts";

/** The sources of a real run. No other place in the program reads the environment. */
export function systemSources(argv: readonly string[]): Sources {
  return {
    argv,
    env: process.env,
    hostname: hostname(),
    readFile: (path) => readFileSync(path, "utf8"),
    // A minimal container image has no such file, and so knows no group by name.
    lookupGroup: (name) => findGroup(readSmallFile("/etc/group") ?? "", name),
  };
}
