import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { Server } from "@grpc/grpc-js";
import { codeOf } from "../../test/support/code-of.ts";
import { eventually } from "../../test/support/eventually.ts";
import { systemClock } from "../common/clock.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { addService } from "../grpc/server.ts";
import { SocketServer } from "../simulator/socket-server.ts";
import { PodResourcesConnection } from "./connection.ts";
import type { OwnerUpdate } from "./device-owners.ts";
import { PodResources } from "./pod-resources.ts";

const resourceName = "example.com/cameras";
const never = new AbortController().signal;

/** A kubelet's pod-resources socket with answers that the test sets. */
class FakeKubelet {
  readonly socket: string;
  /** Device IDs by `namespace/pod/container`. */
  lists: Record<string, string[]> = {};
  /** As {@link lists}, under another resource name. */
  other: Record<string, string[]> = {};
  /** What can be allocated under that name, beside a device that is no video device. */
  otherOffer: string[] = [];
  allocatable = ["video10"];
  rejects: Code | undefined;
  #server: SocketServer | undefined;

  constructor(directory: string) {
    this.socket = join(directory, "pr", "kubelet.sock");
  }

  async start(): Promise<void> {
    const server = new Server();
    const mayReject = () => {
      if (this.rejects !== undefined) throw new ConnectError("not now", this.rejects);
    };
    addService(
      server,
      PodResourcesLister,
      {
        list: () => {
          mayReject();
          const others = Object.entries(this.other).map(([name, ids]) => otherPod(name, ids));
          return { podResources: [...Object.entries(this.lists).map(pod), ...others] };
        },
        getAllocatableResources: () => {
          mayReject();
          return {
            devices: [
              { resourceName, deviceIds: this.allocatable },
              { resourceName: "example.com/others", deviceIds: ["other1", ...this.otherOffer] },
            ],
          };
        },
        get: () => ({}),
      },
      () => undefined,
    );
    this.#server = await SocketServer.listen(server, this.socket);
  }

  stop(): void {
    this.#server?.close(true);
  }
}

function otherPod(path: string, deviceIds: string[]) {
  const [namespace = "", name = "", container = ""] = path.split("/");
  const devices = [{ resourceName: "example.com/others", deviceIds }];
  return { namespace, name, containers: [{ name: container, devices }] };
}

function pod([name, deviceIds]: [string, string[]]) {
  const [namespace = "", pod = "", container = ""] = name.split("/");
  const others = { resourceName: "example.com/others", deviceIds: ["other1"] };
  const devices = [...deviceIds.map((id) => ({ resourceName, deviceIds: [id] })), others];
  return { namespace, name: pod, containers: [{ name: container, devices }] };
}

let directory: string;
let kubelet: FakeKubelet;
let client: PodResources;
let failed: string[];
let updates: OwnerUpdate[];
/** Added to the clock, ms. */
let lateMs: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "vdp-pr-"));
  kubelet = new FakeKubelet(directory);
  await kubelet.start();
  failed = [];
  updates = [];
  lateMs = 0;
  client = new PodResources(
    { socket: kubelet.socket, resourceName, intervalMs: 1000 },
    { ...systemClock, now: () => systemClock.now() + lateMs },
    {
      podResourcesFailed: (method, reason) => failed.push(`${method} ${reason}`),
      ownersChanged: (update) => updates.push(update),
    },
  );
});

afterEach(() => {
  client.close();
  kubelet.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Code of the error that `work` rejects with; undefined if it resolves. */
/** Waits until this process has so many connections to the kubelet's socket. */
function connections(count: number): Promise<void> {
  const isEnd = (line: string) => line.includes(directory) && / 03 +\d/.test(line);
  return eventually(async () => {
    const sockets = await Bun.file("/proc/net/unix").text();
    return sockets.split("\n").filter(isEnd).length === count;
  }, `${count} connections`);
}

describe("the pod-resources client", () => {
  test("a shared device is in use while any pod owns one of its replicas, and each has its owner", async () => {
    kubelet.lists = { "bots/bot-1/app": ["codec::0"], "bots/bot-2/app": ["codec::1", "other::0"] };
    expect([...(await client.podDevices(never)).keys()]).toEqual(["codec", "other"]);
    expect([...client.owners()].map(([id, { pod }]) => [id, pod])).toEqual([
      ...[
        ["codec::0", "bot-1"],
        ["codec::1", "bot-2"],
        ["other::0", "bot-2"],
      ],
    ]);
    kubelet.lists = { "bots/bot-2/app": ["codec::1"] };
    expect([...(await client.podDevices(never)).keys()]).toEqual(["codec"]);
    expect(updates.at(-1)?.changes.map(({ id }) => id)).toEqual(["codec::0", "other::0"]);
    kubelet.allocatable = ["codec::0", "codec::1"];
    expect(await client.allocatable(never)).toEqual(["codec"]);
  });

  test("returns the devices that pods own and those that can be allocated, of its own resource only", async () => {
    kubelet.lists = { "bots/bot-1/app": ["video10", "video11"], "bots/bot-2/app": [] };
    expect([...(await client.podDevices(never)).keys()]).toEqual(["video10", "video11"]);
    expect(await client.allocatable(never)).toEqual(["video10"]);
    const owner = { namespace: "bots", pod: "bot-1", container: "app" };
    expect([...client.owners()]).toEqual([
      ["video10", owner],
      ["video11", owner],
    ]);
  });

  test("returns video devices of pods under other resource names with those, which are no owners", async () => {
    kubelet.lists = { "bots/bot-1/app": ["video10", "video11"] };
    kubelet.other = { "bots/bot-2/app": ["video11", "/dev/video12", "gpu0"] };
    const own = { pod: "bots/bot-1", otherResource: undefined };
    const other = { pod: "bots/bot-2", otherResource: "example.com/others" };
    expect(Object.fromEntries(await client.podDevices(never))).toEqual({
      video10: own,
      video11: other,
      video12: other,
    });
    expect([...client.owners().keys()]).toEqual(["video10", "video11"]);
  });

  test("returns every device of pods under the names of the process's other pools, over one connection", async () => {
    kubelet.lists = { "bots/bot-1/app": ["video10"] };
    kubelet.other = { "bots/bot-2/app": ["usb-046d-0825"] };
    const connection = new PodResourcesConnection(kubelet.socket, systemClock);
    const options = { socket: kubelet.socket, intervalMs: 1000 };
    const of = (name: string, otherPools: string[]) =>
      new PodResources(
        { ...options, resourceName: name, otherPools },
        systemClock,
        undefined,
        connection,
      );
    const others = "example.com/others";
    const [cameras, webcams] = [of(resourceName, [others]), of(others, [resourceName])];
    const webcam = (await cameras.podDevices(never)).get("usb-046d-0825");
    expect(webcam).toEqual({ pod: "bots/bot-2", otherResource: others });
    expect((await webcams.podDevices(never)).get("usb-046d-0825")?.otherResource).toBeUndefined();
    expect((await webcams.podDevices(never)).get("video10")?.otherResource).toBe(resourceName);
    connection.close();
  });

  test("has the video devices that the kubelet can allocate under other resource names", async () => {
    expect(client.otherOffers.size).toBe(0);
    kubelet.otherOffer = ["/dev/video11", "gpu0"];
    expect(await client.allocatable(never)).toEqual(["video10"]);
    expect([...client.otherOffers]).toEqual([["example.com/others", ["video11"]]]);
    kubelet.otherOffer = [];
    await client.allocatable(never);
    expect(client.otherOffers.size).toBe(0);
  });

  test("has the status of its last List, and at first that it has not asked yet", async () => {
    expect(client.status()).toMatchObject({ answers: false, error: "not asked yet" });
    await client.podDevices(never);
    expect(client.status()).toMatchObject({ answers: true, error: "" });
    expect(Date.now() - client.status().at).toBeLessThan(5000);
  });

  test("keeps one connection for all calls", async () => {
    for (let n = 0; n < 5; n++) {
      await client.podDevices(never);
      await client.allocatable(never);
    }
    await connections(1);
    client.close();
    await connections(0);
  });

  test("connects to a restarted kubelet, whose socket is another file", async () => {
    await client.podDevices(never);
    const old = kubelet;
    kubelet = new FakeKubelet(directory);
    kubelet.lists = { "bots/bot-2/app": ["video12"] };
    await kubelet.start();
    expect([...(await client.podDevices(never)).keys()]).toEqual(["video12"]);
    old.stop();
    // The old server has removed the new server's file.
    kubelet.stop();
    expect(await codeOf(client.podDevices(never))).toBe("pod_resources_absent");
    await kubelet.start();
    expect(await codeOf(client.podDevices(never))).toBeUndefined();
    expect(failed).toEqual(["List absent"]);
  });

  test("keeps the owners that a restarted kubelet leaves out", async () => {
    kubelet.lists = { "bots/bot-1/app": ["video10"] };
    await client.podDevices(never);
    kubelet.stop();
    kubelet = new FakeKubelet(directory);
    await kubelet.start();
    expect((await client.podDevices(never)).size).toBe(0);
    expect([...client.owners().keys()]).toEqual(["video10"]);
    expect(updates).toHaveLength(1);
  });

  test("reports the first answer, and after it changes only", async () => {
    await client.podDevices(never);
    await client.podDevices(never);
    kubelet.lists = { "bots/bot-1/app": ["video10"] };
    await client.podDevices(never);
    await client.podDevices(never);
    expect(updates.map(({ first, changes }) => [first, changes.length])).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });

  test("keeps its connection when the kubelet's rate limit is used up, and reports the failure", async () => {
    await client.podDevices(never);
    kubelet.rejects = Code.ResourceExhausted;
    expect(await codeOf(client.podDevices(never))).toBe("pod_resources_busy");
    await connections(1);
    expect(failed).toEqual(["List busy"]);
  });

  test("counts as answered despite the rate limit until its last answer is too old", async () => {
    kubelet.rejects = Code.ResourceExhausted;
    await codeOf(client.podDevices(never));
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
    kubelet.rejects = undefined;
    await client.podDevices(never);
    kubelet.rejects = Code.ResourceExhausted;
    await codeOf(client.podDevices(never));
    expect(client.status()).toMatchObject({ answers: true, error: "" });
    // Three intervals of a second, and the deadline of a call.
    lateMs = 8001;
    await codeOf(client.podDevices(never));
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
  });

  test("has a status of List alone, whatever GetAllocatableResources returns", async () => {
    await client.podDevices(never);
    kubelet.rejects = Code.Internal;
    await codeOf(client.allocatable(never));
    expect(client.status().answers).toBe(true);
    await codeOf(client.podDevices(never));
    kubelet.rejects = undefined;
    await client.allocatable(never);
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
  });

  test("replaces its connection after a failed call", async () => {
    await client.allocatable(never);
    kubelet.rejects = Code.Internal;
    expect(await codeOf(client.allocatable(never))).toBe("pod_resources_failed");
    await connections(0);
    kubelet.rejects = undefined;
    expect(await client.allocatable(never)).toEqual(["video10"]);
    expect(failed).toEqual(["GetAllocatableResources failed"]);
  });

  test("counts no failure for a caller that has left", async () => {
    await client.podDevices(never);
    expect(await codeOf(client.podDevices(AbortSignal.abort()))).toBe("pod_resources_failed");
    expect(failed).toEqual([]);
    expect(client.status().answers).toBe(true);
  });

  test("notifies of another socket, and not of the one it is connected to", async () => {
    await client.podDevices(never);
    const stop = new AbortController();
    let notified = 0;
    client.watch(() => notified++, stop.signal);
    kubelet.stop();
    await Bun.sleep(50);
    expect(notified).toBe(0);
    await kubelet.start();
    await eventually(() => notified > 0, "a notify");
    await Bun.sleep(50);
    stop.abort();
    expect(notified).toBe(1);
  });
});
