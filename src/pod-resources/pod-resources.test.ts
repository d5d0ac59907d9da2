import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { Server } from "@grpc/grpc-js";
import { eventually } from "../../test/support/eventually.ts";
import { systemClock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { addService } from "../grpc/server.ts";
import { SocketServer } from "../simulator/socket-server.ts";
import type { OwnerNews } from "./device-owners.ts";
import { PodResources } from "./pod-resources.ts";

const resourceName = "example.com/cameras";
const never = new AbortController().signal;

/** A kubelet's pod-resources socket that says what it is told to say. */
class FakeKubelet {
  readonly socket: string;
  /** Device IDs by `namespace/pod/container`. */
  holds: Record<string, string[]> = {};
  refuses: Code | undefined;
  #server: SocketServer | undefined;

  constructor(directory: string) {
    this.socket = join(directory, "pr", "kubelet.sock");
  }

  async start(): Promise<void> {
    const server = new Server();
    const refuse = () => {
      if (this.refuses !== undefined) throw new ConnectError("not now", this.refuses);
    };
    addService(
      server,
      PodResourcesLister,
      {
        list: () => {
          refuse();
          return { podResources: Object.entries(this.holds).map(pod) };
        },
        getAllocatableResources: () => {
          refuse();
          return {
            devices: [
              { resourceName, deviceIds: ["video10"] },
              { resourceName: "example.com/others", deviceIds: ["other1"] },
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
let news: OwnerNews[];
/** How much later it is than it is, ms. */
let lateMs: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "vdp-pr-"));
  kubelet = new FakeKubelet(directory);
  await kubelet.start();
  failed = [];
  news = [];
  lateMs = 0;
  client = new PodResources(
    { socket: kubelet.socket, resourceName, intervalMs: 1000 },
    { ...systemClock, now: () => systemClock.now() + lateMs },
    {
      podResourcesFailed: (method, reason) => failed.push(`${method} ${reason}`),
      ownersChanged: (told) => news.push(told),
    },
  );
});

afterEach(() => {
  client.close();
  kubelet.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The code of the error that `work` rejects with; undefined if it doesn't. */
async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (reason) {
    return PluginError.from(reason).code;
  }
}

/** Waits until this process has so many connections to the kubelet's socket: one more would stay. */
function connections(count: number): Promise<void> {
  const isEnd = (line: string) => line.includes(directory) && / 03 +\d/.test(line);
  return eventually(async () => {
    const sockets = await Bun.file("/proc/net/unix").text();
    return sockets.split("\n").filter(isEnd).length === count;
  }, `${count} connections`);
}

describe("the pod-resources client", () => {
  test("names the devices of pods and what could be given, of its own resource alone", async () => {
    kubelet.holds = { "bots/bot-1/app": ["video10", "video11"], "bots/bot-2/app": [] };
    expect(await client.devicesOfPods(never)).toEqual(new Set(["video10", "video11"]));
    expect(await client.allocatable(never)).toEqual(["video10"]);
    const owner = { namespace: "bots", pod: "bot-1", container: "app" };
    expect([...client.owners()]).toEqual([
      ["video10", owner],
      ["video11", owner],
    ]);
  });

  test("says at first that it has not asked, then what came of it", async () => {
    expect(client.status()).toMatchObject({ answers: false, error: "it has not been asked yet" });
    await client.devicesOfPods(never);
    expect(client.status()).toMatchObject({ answers: true, error: "" });
    expect(Date.now() - client.status().at).toBeLessThan(5000);
  });

  test("keeps one connection over questions", async () => {
    for (let n = 0; n < 5; n++) {
      await client.devicesOfPods(never);
      await client.allocatable(never);
    }
    await connections(1);
    client.close();
    await connections(0);
  });

  test("asks the next kubelet, whose socket is another file", async () => {
    await client.devicesOfPods(never);
    const old = kubelet;
    kubelet = new FakeKubelet(directory);
    kubelet.holds = { "bots/bot-2/app": ["video12"] };
    await kubelet.start();
    expect(await client.devicesOfPods(never)).toEqual(new Set(["video12"]));
    old.stop();
    // The old one removed the new one's file.
    kubelet.stop();
    expect(await codeOf(client.devicesOfPods(never))).toBe("pod_resources_absent");
    await kubelet.start();
    expect(await codeOf(client.devicesOfPods(never))).toBeUndefined();
    expect(failed).toEqual(["List absent"]);
  });

  test("does not miss what a kubelet leaves out that has just begun", async () => {
    kubelet.holds = { "bots/bot-1/app": ["video10"] };
    await client.devicesOfPods(never);
    kubelet.stop();
    kubelet = new FakeKubelet(directory);
    await kubelet.start();
    expect((await client.devicesOfPods(never)).size).toBe(0);
    expect([...client.owners().keys()]).toEqual(["video10"]);
    expect(news).toHaveLength(1);
  });

  test("tells of the first answer, and of changes alone from then on", async () => {
    await client.devicesOfPods(never);
    await client.devicesOfPods(never);
    kubelet.holds = { "bots/bot-1/app": ["video10"] };
    await client.devicesOfPods(never);
    await client.devicesOfPods(never);
    expect(news.map(({ first, changes }) => [first, changes.length])).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });

  test("keeps its connection when too much is asked of the kubelet, and says so", async () => {
    await client.devicesOfPods(never);
    kubelet.refuses = Code.ResourceExhausted;
    expect(await codeOf(client.devicesOfPods(never))).toBe("pod_resources_busy");
    await connections(1);
    expect(failed).toEqual(["List busy"]);
  });

  test("is answered, for all that is known, until its last answer is too old", async () => {
    kubelet.refuses = Code.ResourceExhausted;
    await codeOf(client.devicesOfPods(never));
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
    kubelet.refuses = undefined;
    await client.devicesOfPods(never);
    kubelet.refuses = Code.ResourceExhausted;
    await codeOf(client.devicesOfPods(never));
    expect(client.status()).toMatchObject({ answers: true, error: "" });
    // Three intervals of a second, and as long as an answer may take.
    lateMs = 8001;
    await codeOf(client.devicesOfPods(never));
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
  });

  test("has a status of who has what, whatever the other question comes to", async () => {
    await client.devicesOfPods(never);
    kubelet.refuses = Code.Internal;
    await codeOf(client.allocatable(never));
    expect(client.status().answers).toBe(true);
    await codeOf(client.devicesOfPods(never));
    kubelet.refuses = undefined;
    await client.allocatable(never);
    expect(client.status()).toMatchObject({ answers: false, error: "not now" });
  });

  test("gives its connection up when a question fails, and makes another one", async () => {
    await client.allocatable(never);
    kubelet.refuses = Code.Internal;
    expect(await codeOf(client.allocatable(never))).toBe("pod_resources_failed");
    await connections(0);
    kubelet.refuses = undefined;
    expect(await client.allocatable(never)).toEqual(["video10"]);
    expect(failed).toEqual(["GetAllocatableResources failed"]);
  });

  test("counts no failure for whoever did not wait", async () => {
    await client.devicesOfPods(never);
    expect(await codeOf(client.devicesOfPods(AbortSignal.abort()))).toBe("pod_resources_failed");
    expect(failed).toEqual([]);
    expect(client.status().answers).toBe(true);
  });

  test("nudges when there is another socket, and not for one that it knows", async () => {
    await client.devicesOfPods(never);
    const stop = new AbortController();
    let nudges = 0;
    client.watch(() => nudges++, stop.signal);
    kubelet.stop();
    await Bun.sleep(50);
    expect(nudges).toBe(0);
    await kubelet.start();
    await eventually(() => nudges > 0, "a notify");
    await Bun.sleep(50);
    stop.abort();
    expect(nudges).toBe(1);
  });
});
