import { afterEach, beforeEach, expect, test } from "bun:test";
import { adminClient, statusOf } from "../support/admin-client.ts";
import { freePort } from "../support/free-port.ts";
import { CameraNode } from "./camera-node.ts";
import { eventually } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** All pages of the TCP port after one pod has ended, another one runs, and a device is cordoned. */
async function everythingShown(options: Record<string, string>): Promise<string> {
  const port = freePort();
  const plugin = await scenario.started(scenario.cameras(3), {
    "enable-metrics": "true",
    "metrics-address": "127.0.0.1",
    "metrics-port": String(port),
    ...options,
  });
  const happened = (msg: string, count: number) =>
    eventually(
      () => plugin.log.lines.filter((line) => line.msg === msg).length === count,
      `${count} times ${msg}`,
    );
  await scenario.pod("secret-a");
  await happened("Device owned by pod", 1);
  scenario.kubelet.removePod("secret-a");
  await happened("Device released by pod", 1);
  await scenario.pod("secret-b");
  await happened("Device owned by pod", 2);
  await adminClient(scenario.adminSocket).cordonDevice({
    deviceId: "video12",
    note: "ask secret-c",
  });
  const paths = ["/", "/status.json", "/metrics", "/readyz?verbose", "/healthz?verbose"];
  await Bun.sleep(300); // until no older answer is served
  const answers = paths.map(async (path) =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
  );
  return (await Promise.all(answers)).join("\n");
}

test("the port shows the names of pods", async () => {
  const shown = await everythingShown({});
  for (const name of ["secret-a", "secret-b", "secret-c"]) expect(shown).toContain(name);
});

test("the port shows no pod and no note with METRICS_OWNERS=false, root's socket does", async () => {
  const shown = await everythingShown({ "metrics-owners": "false" });
  expect(shown).not.toContain("secret");
  // The only pool has the name of the pods' namespace.
  expect(shown.replaceAll(/"(pool|name)":"default"/g, "")).not.toContain("default");
  // The facts about devices are shown.
  expect(shown).toContain("Device released by pod");
  expect(shown).toContain('"reason":"cordoned"');
  const { devices } = await statusOf(adminClient(scenario.adminSocket));
  expect(devices.map(({ owner }) => owner?.pod)).toContain("secret-b");
});
