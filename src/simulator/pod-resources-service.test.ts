import { expect, test } from "bun:test";
import { createClient } from "@connectrpc/connect";
import { KubeletFixture, rejection } from "../../test/support/kubelet-fixture.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../grpc/transport.ts";

/** Calls the API once, over its socket. */
async function ask<T>(
  fixture: KubeletFixture,
  call: (client: ReturnType<typeof createClient<typeof PodResourcesLister>>) => Promise<T>,
): Promise<T> {
  const transport = createSocketTransport(fixture.kubelet.podResourcesSocket);
  try {
    return await call(createClient(PodResourcesLister, transport));
  } finally {
    transport.close();
  }
}

test("List names an entry for each device, and leaves out init containers that end", async () => {
  using fixture = new KubeletFixture();
  await fixture.ready();
  await fixture.kubelet.addPod({
    name: "a",
    namespace: "bots",
    containers: [
      { name: "first", devices: 1, init: true },
      { name: "app", devices: 2 },
    ],
  });
  const { podResources } = await ask(fixture, (client) => client.list({}));
  expect(podResources).toMatchObject([
    { name: "a", namespace: "bots", containers: [{ name: "app" }] },
  ]);
  const devices = podResources[0]?.containers[0]?.devices ?? [];
  expect(devices.map(({ deviceIds }) => deviceIds.length)).toEqual([1, 1]);
  expect(devices.flatMap(({ deviceIds }) => deviceIds).sort()).toEqual(
    (fixture.kubelet.allocations()["a"] ?? []).toSorted(),
  );
});

test.each([
  ["1.33", [["a", 0]]],
  ["1.34", []],
] as const)("%s lists an ended pod as that version does", async (version, listed) => {
  using fixture = new KubeletFixture(version);
  await fixture.ready();
  await fixture.runPod("a", 2);
  fixture.kubelet.completePod("a");
  const { podResources } = await ask(fixture, (client) => client.list({}));
  const counts = podResources.map(({ name, containers }) => [
    name,
    containers.flatMap(({ devices }) => devices).length,
  ]);
  expect(counts).toEqual(listed.map((pair) => [...pair]));
});

test("GetAllocatableResources lists the healthy devices", async () => {
  using fixture = new KubeletFixture();
  const plugin = await fixture.ready();
  plugin.setHealth("video11", "Unhealthy");
  await fixture.allocatable(2);
  const { devices } = await ask(fixture, (client) => client.getAllocatableResources({}));
  expect(devices.map(({ deviceIds }) => deviceIds).sort()).toEqual([["video10"], ["video12"]]);
});

test("GetAllocatableResources leaves a zombie out", async () => {
  using fixture = new KubeletFixture();
  await fixture.ready();
  fixture.kubelet.makeZombie();
  const { devices } = await ask(fixture, (client) => client.getAllocatableResources({}));
  expect(devices).toEqual([]);
});

test("Get answers from 1.34 on", async () => {
  using old = new KubeletFixture("1.33");
  await old.ready();
  const request = { podName: "a", podNamespace: "default" };
  expect(String(await rejection(ask(old, (client) => client.get(request))))).toContain("disabled");

  using recent = new KubeletFixture("1.34");
  await recent.ready();
  expect(String(await rejection(ask(recent, (client) => client.get(request))))).toContain(
    "pod a in namespace default not found",
  );
  await recent.runPod("a");
  const { podResources } = await ask(recent, (client) => client.get(request));
  expect(podResources?.containers[0]?.devices).toHaveLength(1);
});

test("more than ten calls at once are rejected", async () => {
  using fixture = new KubeletFixture();
  await fixture.kubelet.start();
  const answers = await ask(fixture, (client) =>
    Promise.allSettled(Array.from({ length: 100 }, () => client.list({}))),
  );
  const refused = answers.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(10);
  expect(refused[0]).toMatchObject({ reason: { code: 8, rawMessage: "rejected by rate limit" } });
});
