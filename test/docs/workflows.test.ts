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

/** A step or job of a workflow of this repository, or of a commit: the owner of an action can move its tags. */
const pinned = /^ +(- )?uses: (\.\/\S+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/;

test("an action by its tag, without a version or with a short commit is not pinned", () => {
  const sha = "0123456789".repeat(4);
  expect(`      - uses: a/b@${sha} # v1.2.3`).toMatch(pinned);
  for (const uses of ["a/b@v1", `a/b@${sha}`, `a/b@${sha} # v1`, "a/b@0123456 # v1.2.3"]) {
    expect(`      - uses: ${uses}`).not.toMatch(pinned);
  }
});

test("an action has one commit in all workflows", () => {
  const commits = new Map<string, Set<string>>();
  for (const [path] of workflows) {
    for (const [, action = "", commit = ""] of readFileSync(join(root, path), "utf8").matchAll(
      /uses: ([\w-]+\/[\w-]+)@(.*)$/gm,
    )) {
      commits.set(action, (commits.get(action) ?? new Set()).add(commit));
    }
  }
  expect(commits.size).toBeGreaterThan(5);
  for (const [action, found] of commits) expect([action, ...found]).toHaveLength(2);
});

test("there are workflows", () => {
  expect(workflows.map(([path]) => path)).toEqual([
    ".github/workflows/e2e-kind.yaml",
    ".github/workflows/release.yaml",
    ".github/workflows/test.yaml",
  ]);
});

describe.each(workflows)("%s", (path, { permissions, jobs }) => {
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

  test("uses actions by commit, with the version as a comment, and existing workflows", () => {
    const used = [...steps, ...Object.values(jobs)].flatMap(({ uses }) => uses ?? []);
    for (const uses of used.filter((one) => one.startsWith("./"))) {
      expect([uses, existsSync(join(root, uses))]).toEqual([uses, true]);
    }
    const lines = readFileSync(join(root, path), "utf8").match(/^ +(- )?uses: .*$/gm) ?? [];
    expect(lines).toHaveLength(used.length);
    for (const line of lines) expect(line).toMatch(pinned);
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
    image: { contents: "read", packages: "write", "id-token": "write", attestations: "write" },
    examples: { contents: "read", packages: "write" },
    build: { contents: "read" },
    chart: { packages: "write", "id-token": "write", attestations: "write" },
    publish: { contents: "write", "id-token": "write", attestations: "write" },
  });
});

test("the quick job and the others have every part of .ci/run once", () => {
  const [, { jobs = {} } = {}] = workflows.find(([path]) => path.endsWith("test.yaml")) ?? [];
  const commands = (job: string) => (jobs[job]?.steps ?? []).flatMap(({ run }) => run ?? []);
  expect(commands("quick")).toContain("bash .ci/run gate level1");
  // level1 is no "part" of .ci/run.
  const [list = ""] = commands("parts");
  const { stdout } = Bun.spawnSync(["bash", "-c", list.replace("$GITHUB_OUTPUT", "/dev/null")], {
    cwd: root,
  });
  const script = readFileSync(join(root, ".ci/run"), "utf8");
  const parts = [...script.matchAll(/^part ([a-z0-9]+) /gm)].map(([, part = ""]) => part);
  expect(JSON.parse(stdout.toString().replace("parts=", ""))).toEqual(parts);
});

function matches(pattern: RegExp, commands: readonly string[]): RegExpMatchArray[] {
  return commands.flatMap((command) => [...command.matchAll(pattern)]);
}
