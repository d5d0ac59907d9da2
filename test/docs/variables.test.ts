import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { optionKeys, options } from "../../src/config/options.ts";
import { markdownFiles } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Names in capitals that are not options of this program, by what they are. */
const foreign: Readonly<Record<string, RegExp>> = {
  "set in containers by Allocate, with CONTAINER_DEVICE_ENV":
    /^(VIDEO|SCREEN)_(DEVICE|CAMERA|FEED)S?$/,
  "capabilities, calls and settings of the kernel":
    /^(CAP|CONFIG|VIDIOC|V4L2_(BUF|CAP|PIX))_|^MODULE_INIT_|_(FMT|CTRL)$/,
  "a kernel of GKE": /^ENFORCE_SIGNED_MODULES$/,
  "HTTP/2": /^PROTOCOL_ERROR$/,
  "workloads in examples":
    /^(MEETING_URL|VIDEO_SIZE|FRAME_RATE|REDIS_\w+)$|^XDG_RUNTIME_DIR$|^PULSE_\w+$/,
};

/** Options of the original plugin, which this one doesn't have. */
const former = [
  "ENABLE_FALLBACK_MODE",
  "FALLBACK_DEVICE_PREFIX",
  "ALLOCATION_TIMEOUT",
  "DEVICE_CREATION_TIMEOUT",
  "SHUTDOWN_TIMEOUT",
  "CLEANUP_TIMEOUT",
  "KUBERNETES_NAMESPACE",
  "SERVICE_ACCOUNT_NAME",
];

const variables = new Set<string>(optionKeys.map((key) => options[key].env));
/** Variables of the tests, which their own sources read. */
const sources = [...new Glob("{test,.ci}/**/*").scanSync({ cwd: root, dot: true })]
  .filter((path) => /\.(ts|sh)$|\/run$/.test(path))
  .map(read)
  .join("\n");

/** Manifests and scripts have variables of other programs: the installer of the module, the examples. */
const manifests = [...new Glob("deploy/**/*.{yaml,sh}").scanSync(root)].map(read).join("\n");

function isKnown(name: string, path: string): boolean {
  if (variables.has(name) || Object.values(foreign).some((pattern) => pattern.test(name)))
    return true;
  if (name.startsWith("VDP_")) return sources.includes(name);
  if (new RegExp(`\\b${name}\\b`).test(manifests)) return true;
  return path === "docs/migration.md" && former.includes(name);
}

test("every variable in backquotes is an option, or one of another program", () => {
  expect(isKnown("MAX_DEVICES", "README.md")).toBe(true);
  expect(isKnown("MAX_DEVICE", "README.md")).toBe(false);
  expect(isKnown("SHUTDOWN_TIMEOUT", "README.md")).toBe(false);
  const pages = markdownFiles(root).filter((path) => !path.startsWith("CHANGELOG"));
  const named = pages.flatMap((path) =>
    [...read(path).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(
      ([, name = ""]) => ({
        path,
        name,
      }),
    ),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ path, name }) => !isKnown(name, path))).toEqual([]);
});
