import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { CameraNode } from "./camera-node.ts";
import { eventually, quickMaintenance, type RunningPlugin } from "./harness.ts";

const { pollMs } = quickMaintenance;

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** Events of owners at info level, as "owned default/a". */
function ownerEvents({ log }: RunningPlugin): string[] {
  const words: Record<string, string> = {
    "Device owned by pod": "owned",
    "Device released by pod": "released",
  };
  return log.lines.flatMap(({ level, msg, fields }) =>
    words[msg] && level === "info" ? [`${words[msg]} ${fields["namespace"]}/${fields["pod"]}`] : [],
  );
}

describe("the owner of a device", () => {
  test("is logged when a pod gets it, and when the pod has ended", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    await scenario.pod("a");
    await eventually(() => ownerEvents(plugin).length === 1, "the owner");
    scenario.kubelet.removePod("a");
    await eventually(() => ownerEvents(plugin).length === 2, "the end of it");
    expect(ownerEvents(plugin)).toEqual(["owned default/a", "released default/a"]);
  });

  test("is logged once, however often the kubelet lists it", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    await scenario.pod("a");
    await eventually(() => ownerEvents(plugin).length > 0, "the owner");
    await Bun.sleep(6 * pollMs);
    expect(ownerEvents(plugin)).toEqual(["owned default/a"]);
  });

  test("is logged once by a plugin that starts later", async () => {
    const first = await scenario.started(scenario.cameras(2));
    await scenario.pod("a");
    await first.stop();
    const second = await scenario.started(scenario.cameras(2));
    const known = () =>
      second.log.lines.filter(({ msg }) => msg === "Devices already owned by pods");
    await eventually(() => known().length === 1, "the owners of before");
    expect(known()[0]?.fields).toMatchObject({ count: 1 });
    expect(ownerEvents(second)).toEqual([]);
  });

  test("survives a restart of the kubelet, whose new socket is used at once", async () => {
    // Only the new socket can trigger a call.
    const maintenanceTimes = { ...quickMaintenance, pollMs: 60_000 };
    const plugin = await scenario.started(scenario.cameras(2), {}, maintenanceTimes);
    await scenario.pod("a");
    await eventually(() => ownerEvents(plugin).length === 1, "the owner");
    scenario.kubelet.stop({ removeSockets: true });
    await scenario.kubelet.start();
    await scenario.counts(2, 2);
    await scenario.pod("b");
    await eventually(() => ownerEvents(plugin).length === 2, "the second owner");
    expect(ownerEvents(plugin)).toEqual(["owned default/a", "owned default/b"]);
  });

  test("is unknown without a pod-resources socket, which is logged once", async () => {
    const nowhere = { "pod-resources-socket": "/nowhere/kubelet.sock" };
    const plugin = await scenario.started(scenario.cameras(1), nowhere);
    await scenario.pod("a");
    const complaints = () =>
      plugin.log.lines.filter(({ msg }) => msg.includes("Use of the devices unknown"));
    await eventually(() => complaints().length > 0, "a complaint");
    await Bun.sleep(6 * pollMs);
    expect(ownerEvents(plugin)).toEqual([]);
    expect(complaints().map(({ level, fields }) => [level, fields["error"]])).toEqual([
      ["info", "there is no /nowhere/kubelet.sock"],
    ]);
  });

  test("is found although other clients use up the kubelet's rate limit, which is not logged", async () => {
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
    // A busy kubelet is no failing one.
    expect(answered).toEqual(new Set([true]));
    expect(new Set(tried().map(({ level }) => level))).toEqual(new Set(["debug"]));
    await scenario.pod("a");
    await eventually(() => ownerEvents(plugin).length === 1, "the owner");
  });
});

test("node-feature-discovery gets its labels once the devices exist", async () => {
  const directory = join(scenario.directory, "features.d");
  mkdirSync(directory);
  await scenario.started(scenario.cameras(2), { "nfd-features-dir": directory });
  const labels = () => readFileSync(join(directory, "video-device-plugin"), "utf8").split("\n");
  await eventually(() => Bun.file(join(directory, "video-device-plugin")).size > 0, "the file");
  expect(labels()).toContain("meeting-baas.io/video-devices.count=2");
  expect(labels()).toContain("meeting-baas.io/video-devices.driver=simulated");
});
