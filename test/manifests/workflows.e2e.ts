import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { manifestToolsDir } from "../../deploy/manifests/helm.ts";
import { skipLevel } from "./tools.ts";

/** The workflows, as actionlint reads them: syntax, expressions, inputs of jobs, and with shellcheck the scripts in them. */
const actionlint = join(manifestToolsDir(), "bin/actionlint");
const missing =
  existsSync(actionlint) && Bun.which("shellcheck") !== null
    ? undefined
    : "there is no actionlint or no shellcheck; run test/manifests/provision.sh";

/** The output of actionlint for the repository, or for a workflow on stdin. */
function lint(workflow?: string): { exitCode: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [actionlint, "-no-color", "-oneline", ...(workflow === undefined ? [] : ["-"])],
    { cwd: join(import.meta.dir, "../.."), stdin: new TextEncoder().encode(workflow ?? "") },
  );
  return { exitCode, output: `${stdout}${stderr}` };
}

describe.skipIf(skipLevel(missing))("the workflows", () => {
  test("have no errors to actionlint and shellcheck", () => {
    expect(lint()).toEqual({ exitCode: 0, output: "" });
  });

  test("with an unknown output or an unquoted variable would have", () => {
    const job = (run: string) => `on: push
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - run: ${run}
`;
    expect(lint(job("true"))).toEqual({ exitCode: 0, output: "" });
    expect(lint(job(`echo \${{ steps.gone.outputs.x }}`)).output).toContain(
      '"gone" is not defined',
    );
    expect(lint(job("rm $GITHUB_WORKSPACE")).output).toContain("SC2086");
  });
});
