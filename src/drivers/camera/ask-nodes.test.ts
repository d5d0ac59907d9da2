import { expect, test } from "bun:test";
import { askNodes } from "./ask-nodes.ts";

/** A child that prints these lines, of shell, for each path. */
const child = (script: string) => [
  "/bin/sh",
  "-c",
  `shift 2; for path; do echo '{"opening":"'$path'"}'; ${script}; done`,
  "child",
];
const answer = `echo '{"path":"'$path'","answer":{"capabilities":{"driver":"uvcvideo","deviceCaps":1}}}'`;
const limits = { nodeMs: 200, startMs: 30_000 };

test("one child asks all nodes", async () => {
  const command = child(answer);
  expect([...(await askNodes("capabilities", ["a", "b"], command, limits))]).toEqual(
    ["a", "b"].map((path) => [
      path,
      { state: "answered", capabilities: { driver: "uvcvideo", deviceCaps: 1 } },
    ]) as never,
  );
});

test("a node that hangs is stuck, and another child asks those after it", async () => {
  const started = performance.now();
  const answers = await askNodes(
    "capabilities",
    ["a", "b", "c"],
    child(`[ $path != b ] || exec sleep 1000; ${answer}`),
    limits,
  );
  expect([...answers].map(([path, { state }]) => [path, state])).toEqual([
    ["a", "answered"],
    ["b", "stuck"],
    ["c", "answered"],
  ]);
  expect(performance.now() - started).toBeGreaterThan(limits.nodeMs);
});

test("the answers do not wait for the end of the child", async () => {
  const started = performance.now();
  const command = child(`${answer}; [ $path != b ] || exec sleep 20`);
  const answers = await askNodes("capabilities", ["a", "b"], command, limits);
  expect([...answers.values()].map(({ state }) => state)).toEqual(["answered", "answered"]);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("the errno of a refusal is kept", async () => {
  const command = child(`echo '{"path":"'$path'","error":"ENODEV"}'`);
  expect((await askNodes("capabilities", ["a"], command, limits)).get("a")).toEqual({
    state: "refused",
    errno: "ENODEV",
  });
});

test.each([
  ["does not begin", ["/bin/sh", "-c", "exec sleep 1000"]],
  ["ends early", ["/bin/sh", "-c", "exit 3"]],
])("a child that %s leaves its nodes unasked", async (_, command) => {
  const answers = await askNodes("capabilities", ["a", "b"], command, {
    nodeMs: 200,
    startMs: 300,
  });
  expect(answers.size).toBe(0);
});
