import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");

/** Documents that wait for their rewrite: of the words, only former names are held there. */
const unwritten =
  /^docs\/(?!(README|architecture|compatibility|design-differences|faq|image|metrics|nodes|operating|options|pools|reports|runbook|whole-node-results|security|tools|using)\.md)/;

/**
 * Words with a plainer one in the language of Kubernetes and V4L2. A sentence names its actor and its device:
 * "the plugin resets the device", and not "it is made anew once nobody has it".
 */
const ruledOut = {
  "says, logs, reports": /\b(told|tells?|telling)\b/i,
  "no process, no pod, another program": /\b(no|some)body('s)?\b|\b(no|some) ?one has\b/i,
  "the pod, the process, the caller": /\bwho(m|ever|soever|sever)\b/i,
  again: /\banew\b/i,
  "inspects, checks": /\b(is|are|was|were|be|been) looked at\b/i,
  "while, if": /\bas long as\b/i,
  "allocates, sets, allocated":
    /\b(is|are|was|were|be|been|being|just) given\b|\bgiven (away|back)\b/i,
  unhealthy: /\bill\b/i,
  healthy: /\b(is|are|was|were|be) well\b/i,
  "repairs, fixes": /\bmend(s|ed|ing)?\b/i,
  "reset, repaired": /\bcared for\b/i,
  removes: /\brid of\b/i,
  fails: /\b(go|goes|gone|went) wrong\b/i,
  "the thing, or a verb": /\/\*\*( \*)? Of an? /,
  "True if": /\/\*\*( \*)? Whether /,
};

/** Names that this code once had, and those of today. */
const formerNames = {
  maintenance: /caretaker|care-?(plan|record|times|command)\b/i,
  "allocation guard, planAllocation": /\b(planClaim|claimMs|unclaimed)\b/,
  "next-step": /\boutlook\b/i,
  "fault debounce": /lasting-?faults/i,
  "usage tracker, restart tracker, cordons": /\b(use|actor|cordon)-?book\b/i,
  "pollUntil, Notify": /\bawaited\(|nudge/i,
  "their text": /asClause|work-?word|busy-?patience/i,
  "max-openers, locked": /openers-?limit|\bfenced\b/i,
  "ensure-module, module-ownership, renumber":
    /provide-module|provideModule|loaded-?module|misnumbered/i,
  "clean-in-place, frame-scrub": /device-?care\b|kernel-memory|kernelMemory/i,
  "config-drift, device-number-history, choose-numbers":
    /adopted-device|adoptedDevice|former-?numbers|device-?layout/i,
  "read-only driver": /observe-?only/i,
  "allocated-at-start, retry-listen": /held-?before|until-?served/i,
  "throttle, redact-status, summary, internal-error-log": /rationed|discreet|verdict|defect-?log/i,
  "Observation, RegistrationSession": /\bSight\b|RegistrationEpoch/,
  "not_listed, ignoresStuckWriter": /disowned|excuses-?Mark/i,
  reason: /[.?]because\b|\bbecause\??\s*[:=,]\s/,
};

const text =
  /\.(ts|js|css|md|ya?ml|json|sh|tpl|txt|env|example|service|conf|proto|c|toml)$|(^|\/)[^.]+$/;
const skipped = /^LICENSE$|^src\/gen\/|^deploy\/licences\/|\/words\.test\.ts$/;

const files = [
  ...new Glob("{src,deploy,docs,test,proto,.ci,.github}/**/*").scanSync({ cwd: root, dot: true }),
  ...new Glob("*").scanSync({ cwd: root, dot: true }),
]
  .filter((path) => text.test(path) && !skipped.test(path))
  .sort();

/** Every ruled-out word in a source, as `path:line: "word", say: …`. */
function violations(path: string, source: string, rules: Readonly<Record<string, RegExp>>) {
  const lines = source.split("\n");
  return lines.flatMap((line, index) =>
    Object.entries(rules).flatMap(([instead, rule]) => {
      const word = rule.exec(line)?.[0];
      return word === undefined ? [] : [`${path}:${index + 1}: "${word}", say: ${instead}`];
    }),
  );
}

/** A file's text; of the changelog what is not released yet, without the former texts that it mentions. */
function read(path: string): string {
  const source = readFileSync(join(root, path), "utf8");
  if (path !== "CHANGELOG.md") return source;
  const unreleased = source.split(/^## (?!Unreleased)/m)[0] ?? "";
  return unreleased.replaceAll(/ instead of `\w+`|^ *\|[^|]*\|/gm, "");
}

test("a planted word is found, with its place and what to say instead", () => {
  const rules = { ...ruledOut, ...formerNames };
  expect(violations("a.ts", "// fine\n// The kubelet is told.\n", rules)).toEqual([
    'a.ts:2: "told", say: says, logs, reports',
  ]);
  for (const planted of [
    ...["nobody", "somebody's", "whoever", "whom", "Anew", "is looked at", "as long as"],
    ...["given away", "is ill", "are well", "mended", "cared for", "rid of", "went wrong"],
    ...[
      "/** Of a device",
      "/** Whether it",
      "caretaker",
      "planClaim",
      "useBook",
      "awaited(x)",
      "Nudge",
      "fenced",
    ],
    ...["discreet", "verdict", "Sight", "disowned", "x.because", "because: string"],
  ]) {
    expect({ planted, found: violations("a.ts", planted, rules).length }).toEqual({
      planted,
      found: 1,
    });
  }
  const innocent = "still, will, skill, retell, recommended, insight, because it is";
  expect(violations("a.ts", innocent, rules)).toEqual([]);
});

test("there are files to read in every part of the repository", () => {
  const parts = ["src/", "deploy/", "docs/", "test/", "proto/", ".ci/", ".github/", "README.md"];
  const unread = parts.filter((part) => !files.some((path) => path.startsWith(part)));
  expect(unread).toEqual([]);
  expect(files.length).toBeGreaterThan(400);
});

test("ruled-out words and former names stay out", () => {
  const found = files.flatMap((path) => {
    const rules = unwritten.test(path) ? formerNames : { ...ruledOut, ...formerNames };
    return violations(path, read(path), rules);
  });
  expect(found).toEqual([]);
});

const sources = files.filter((path) => /^src\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"));

/** Messages in calls of a logger: `log.info("…"`, `this.#log.warn(`…`. */
function logMessages(source: string): string[] {
  const calls = source.matchAll(/\b(?:log|events)\.(?:debug|info|warn|error)\(\s*(["'`])(.*?)\1/gi);
  return [...calls].map(([, , message = ""]) => message);
}

const isEvent = (message: string) => /^[A-Z]/.test(message) && !/[.!]$/.test(message);

test("a log message starts with a capital letter and has no full stop", () => {
  expect(logMessages('log.info("Device reset"); this.#log.warn(\n"a device")')).toEqual([
    "Device reset",
    "a device",
  ]);
  expect(["Device reset", "a device", "Device reset."].filter(isEvent)).toEqual(["Device reset"]);
  const wrong = sources.flatMap((path) =>
    logMessages(read(path))
      .filter((message) => !isEvent(message))
      .map((message) => `${path}: ${message}`),
  );
  expect(wrong).toEqual([]);
});

/** The kernel's own names for constants, as a pattern that looks ahead. */
const kernelName = "(?!VIDIOC\\b|(AF|AT|CAP|FIELD|MAP|MEMORY|MODULE|NETLINK|O|PROT)_)";

test("fields are #private, and constants of a module camelCase", () => {
  const dialect = new RegExp(
    `^\\s+private (?!constructor)|^(export )?const ${kernelName}[A-Z][A-Z0-9_]*\\b`,
    "m",
  );
  expect(dialect.test("class A {\n  private readonly log: Logger;\n}")).toBe(true);
  expect(dialect.test("export const MAX_NAME = 63;")).toBe(true);
  expect(dialect.test("class A {\n  private constructor() {}\n  readonly #log = 1;\n}")).toBe(
    false,
  );
  expect(dialect.test("export const O_NONBLOCK = 0x800;")).toBe(false);
  expect(dialect.test("export const Registration = 1;\nconst maxName = 63;")).toBe(false);
  expect(sources.filter((path) => dialect.test(read(path)))).toEqual([]);
});
