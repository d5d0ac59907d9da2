import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob, YAML } from "bun";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dir, "../..");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: unknown;
  readonly "timeout-minutes"?: number;
}

interface Workflow {
  readonly on: unknown;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const workflows = [...new Glob(".github/workflows/*.yaml").scanSync({ cwd: root, dot: true })]
  .sort()
  .map((path) => [path, YAML.parse(readFileSync(join(root, path), "utf8")) as Workflow] as const);

test("there are workflows", () => {
  expect(workflows.map(([path]) => path)).toEqual([
    ".github/workflows/e2e-kind.yaml",
    ".github/workflows/release.yaml",
    ".github/workflows/test.yaml",
  ]);
});

describe.each(workflows)("%s", (_, { permissions, jobs }) => {
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);
  const commands = steps.flatMap(({ run }) => run ?? []);

  test("has only read permissions by default", () => {
    expect([{}, { contents: "read" }]).toContainEqual(permissions as object);
  });

  test("limits the time of each job", () => {
    for (const [name, job] of Object.entries(jobs)) {
      if (job.uses === undefined) expect([name, job["timeout-minutes"]]).not.toContain(undefined);
    }
  });

  test("calls existing scripts of package.json, with the pinned Bun", () => {
    for (const [, version, script = ""] of matches(/bun@(\S+) run (\S+)/g, commands)) {
      expect(`bun@${version}`).toBe(manifest.packageManager);
      expect(Object.keys(manifest.scripts)).toContain(script);
    }
  });

  test("calls existing executables of the repository", () => {
    for (const [path = ""] of matches(/(?<=^|\s)(\.\/|test\/|deploy\/)\S+\.sh\b/g, commands)) {
      accessSync(join(root, path), constants.X_OK);
    }
  });

  test("passes external text to a shell only as a variable", () => {
    for (const command of commands) expect(command).not.toContain("${{");
  });

  test("uses actions by version, and existing workflows", () => {
    const used = [...steps, ...Object.values(jobs)].flatMap(({ uses }) => uses ?? []);
    for (const uses of used) {
      if (uses.startsWith("./")) expect([uses, existsSync(join(root, uses))]).toEqual([uses, true]);
      else expect(uses).toMatch(/^[\w-]+\/[\w-]+@(v\d+|[0-9a-f]{40})$/);
    }
  });

  test("leaves no token in a checkout", () => {
    for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
      expect(step.with).toMatchObject({ "persist-credentials": false });
    }
  });
});

test("a release's job gets its permissions one by one", () => {
  const [, release] = workflows.find(([path]) => path.endsWith("release.yaml")) ?? [];
  expect(
    Object.fromEntries(
      Object.entries(release?.jobs ?? {}).map(([name, job]) => [name, job.permissions]),
    ),
  ).toEqual({
    test: { contents: "read" },
    build: { contents: "read" },
    image: { contents: "read", packages: "write", "id-token": "write", attestations: "write" },
    publish: { contents: "write", "id-token": "write", attestations: "write" },
  });
});

function matches(pattern: RegExp, commands: readonly string[]): RegExpMatchArray[] {
  return commands.flatMap((command) => [...command.matchAll(pattern)]);
}
