import { afterEach, beforeEach, expect, test } from "bun:test";
import { freePort } from "../../src/common/free-port.ts";
import { adminClient, statusOf } from "../support/admin-client.ts";
import { CameraNode } from "./camera-node.ts";
import { eventually } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** Everything on the TCP port after a pod has come and gone, another one is there, and a device is cordoned. */
async function everythingTold(options: Record<string, string>): Promise<string> {
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
  await Bun.sleep(300); // until nothing older is given again
  const answers = paths.map(async (path) =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
  );
  return (await Promise.all(answers)).join("\n");
}

test("the port names pods to whoever reaches it", async () => {
  const told = await everythingTold({});
  for (const name of ["secret-a", "secret-b", "secret-c"]) expect(told).toContain(name);
});

test("the port names no pod and no note where owners are nobody's business, root's socket does", async () => {
  const told = await everythingTold({ "metrics-owners": "false" });
  expect(told).not.toContain("secret");
  expect(told).not.toContain("default");
  // What there is to know of the devices is still there.
  expect(told).toContain("Device released by pod");
  expect(told).toContain('"reason":"cordoned"');
  const { devices } = await statusOf(adminClient(scenario.adminSocket));
  expect(devices.map(({ owner }) => owner?.pod)).toContain("secret-b");
});
