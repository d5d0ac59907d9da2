import { expect, test } from "bun:test";
import { answerProbe, type Check } from "./probes.ts";

const ok: Check = { name: "ping", failure: undefined };
const bad: Check = { name: "monitor", failure: "the reset of video10 has taken 61 s" };
const worse: Check = { name: "actors", failure: "maintenance has failed for 5 min" };

async function ask(path: string, checks: readonly Check[]) {
  const sources = { live: () => checks, ready: () => checks };
  const response = answerProbe(new URL(path, "http://localhost"), sources);
  return response && [response.status, await response.text()];
}

test("a probe is ok if all its checks pass", async () => {
  expect(await ask("/healthz", [ok])).toEqual([200, "ok\n"]);
  expect(await ask("/readyz", [ok, { name: "registered", failure: undefined }])).toEqual([
    200,
    "ok: registered\n",
  ]);
});

test("liveness names everything that hangs", async () => {
  expect(await ask("/healthz", [ok, bad, worse])).toEqual([
    503,
    "the reset of video10 has taken 61 s; maintenance has failed for 5 min\n",
  ]);
});

test("readiness names what is missing as JSON", async () => {
  const [status, body] = (await ask("/readyz", [ok, bad])) ?? [];
  expect([status, JSON.parse(String(body))]).toEqual([
    503,
    { ready: false, missing: [{ check: "monitor", reason: bad.failure }] },
  ]);
});

test("each check has a line with ?verbose", async () => {
  expect(await ask("/healthz?verbose", [ok, bad])).toEqual([
    503,
    `[+]ping ok\n[-]monitor failed: ${bad.failure}\nhealthz check failed\n`,
  ]);
  expect(await ask("/readyz?verbose=1", [ok])).toEqual([200, "[+]ping ok\nreadyz check passed\n"]);
});

test("other paths are not answered", async () => {
  expect(await ask("/", [ok])).toBeUndefined();
});

test("a failed check says what that means and what to do", async () => {
  const detail = "There is no /dp/kubelet.sock. Start the kubelet.";
  const absent = { name: "registered", failure: "kubelet_absent", detail };
  expect(await ask("/readyz?verbose", [absent])).toEqual([
    503,
    `[-]registered failed: kubelet_absent: ${detail}\nreadyz check failed\n`,
  ]);
  const [, body] = (await ask("/readyz", [absent])) ?? [];
  expect(JSON.parse(String(body)).missing).toEqual([
    { check: "registered", reason: "kubelet_absent", detail },
  ]);
});
