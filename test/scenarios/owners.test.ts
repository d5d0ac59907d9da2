import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { CameraNode } from "./camera-node.ts";
import { eventually, quickCareTimes, type RunningPlugin } from "./harness.ts";

const { pollMs } = quickCareTimes;

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** What was logged of owners at info level: "taken default/a". */
function told({ log }: RunningPlugin): string[] {
  const words: Record<string, string> = {
    "Device owned by pod": "taken",
    "Device released by pod": "back",
  };
  return log.lines.flatMap(({ level, msg, fields }) =>
    words[msg] && level === "info" ? [`${words[msg]} ${fields["namespace"]}/${fields["pod"]}`] : [],
  );
}

describe("whose a device is", () => {
  test("is told when a pod has got it, and when the pod has gone", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    await scenario.pod("a");
    await eventually(() => told(plugin).length === 1, "the owner");
    scenario.kubelet.removePod("a");
    await eventually(() => told(plugin).length === 2, "the end of it");
    expect(told(plugin)).toEqual(["taken default/a", "back default/a"]);
  });

  test("is told once, however often the kubelet says so", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    await scenario.pod("a");
    await eventually(() => told(plugin).length > 0, "the owner");
    await Bun.sleep(6 * pollMs);
    expect(told(plugin)).toEqual(["taken default/a"]);
  });

  test("is no news to a plugin that comes later, but a fact that it tells once", async () => {
    const first = await scenario.started(scenario.cameras(2));
    await scenario.pod("a");
    await first.stop();
    const second = await scenario.started(scenario.cameras(2));
    const known = () =>
      second.log.lines.filter(({ msg }) => msg === "Devices already owned by pods");
    await eventually(() => known().length === 1, "the owners of before");
    expect(known()[0]?.fields).toMatchObject({ count: 1 });
    expect(told(second)).toEqual([]);
  });

  test("S45 outlives the kubelet's restart, whose socket is another one and asked at once", async () => {
    // Only the socket's return can be the reason for a question.
    const maintenanceTimes = { ...quickCareTimes, pollMs: 60_000 };
    const plugin = await scenario.started(scenario.cameras(2), {}, maintenanceTimes);
    await scenario.pod("a");
    await eventually(() => told(plugin).length === 1, "the owner");
    scenario.kubelet.stop({ removeSockets: true });
    await scenario.kubelet.start();
    await scenario.counts(2, 2);
    await scenario.pod("b");
    await eventually(() => told(plugin).length === 2, "the second owner");
    expect(told(plugin)).toEqual(["taken default/a", "taken default/b"]);
  });

  test("is known to nobody without a pod-resources socket, which is told once", async () => {
    const nowhere = { "pod-resources-socket": "/nowhere/kubelet.sock" };
    const plugin = await scenario.started(scenario.cameras(1), nowhere);
    await scenario.pod("a");
    const complaints = () =>
      plugin.log.lines.filter(({ msg }) => msg.includes("Use of the devices unknown"));
    await eventually(() => complaints().length > 0, "a complaint");
    await Bun.sleep(6 * pollMs);
    expect(told(plugin)).toEqual([]);
    expect(complaints().map(({ level, fields }) => [level, fields["error"]])).toEqual([
      ["info", "there is no /nowhere/kubelet.sock"],
    ]);
  });

  test("is found out in spite of others who ask the kubelet too much, and they are no news", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    const transport = createSocketTransport(scenario.kubelet.podResourcesSocket);
    const other = createClient(PodResourcesLister, transport);
    let refused = 0;
    const answers = () => plugin.plugin.actions.status().kubelet?.podResourcesAnswers;
    await eventually(() => answers() === true, "the first answer");
    const answered = new Set<boolean | undefined>();
    const tried = () =>
      plugin.log.lines.filter(({ fields }) => fields["error"] === "rejected by rate limit");
    await eventually(async () => {
      await Promise.all(
        Array.from({ length: 20 }, () => other.list({}).then(null, () => (refused += 1))),
      );
      answered.add(answers());
      return tried().length > 2;
    }, "the plugin's own questions to be among those that are too many");
    transport.close();
    expect(refused).toBeGreaterThan(10);
    // A kubelet that has much to do is not one that fails.
    expect(answered).toEqual(new Set([true]));
    expect(new Set(tried().map(({ level }) => level))).toEqual(new Set(["debug"]));
    await scenario.pod("a");
    await eventually(() => told(plugin).length === 1, "the owner");
  });
});

test("node-feature-discovery is told of the devices once they are made", async () => {
  const directory = join(scenario.directory, "features.d");
  mkdirSync(directory);
  await scenario.started(scenario.cameras(2), { "nfd-features-dir": directory });
  const labels = () => readFileSync(join(directory, "video-device-plugin"), "utf8").split("\n");
  await eventually(() => Bun.file(join(directory, "video-device-plugin")).size > 0, "the file");
  expect(labels()).toContain("meeting-baas.io/video-devices.count=2");
  expect(labels()).toContain("meeting-baas.io/video-devices.driver=simulated");
});
