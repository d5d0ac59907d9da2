import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { patienceMs } from "../support/eventually.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

describe("the ListAndWatch stream", () => {
  test("is replaced after a pause when a running kubelet cancels it", async () => {
    await scenario.registered();
    const dropped = performance.now();
    scenario.kubelet.dropStreams();
    await eventually(() => scenario.count("registered") === 2, "the registration");
    // 150 ms of settling in these tests, 1 s on nodes.
    expect(performance.now() - dropped).toBeGreaterThan(140);
    await scenario.counts(8, 8);
    expect(scenario.sockets()).toHaveLength(1);
  });

  test("may be open twice, and one may end without a new registration", async () => {
    scenario.kubelet.faults.extraStreams = 1;
    const { plugin } = await scenario.registered();
    await eventually(() => plugin.status().streams === 2, "two streams");
    scenario.sicken("video10");
    await scenario.counts(8, 7);
    expect(scenario.count("register_received")).toBe(1);
  });

  test("is not needed by connections that only ask for the options", async () => {
    scenario.kubelet.faults.extraConnections = 5;
    const { plugin } = await scenario.registered();
    expect(plugin.status().streams).toBe(1);
  });

  test("carries the latest state once a kubelet reads again", async () => {
    await scenario.registered();
    scenario.kubelet.pauseStreams();
    for (let n = 0; n < 20; n++) {
      scenario.sicken("video10");
      await Bun.sleep(5);
      scenario.heal("video10");
      await Bun.sleep(5);
    }
    scenario.sicken("video11");
    scenario.sicken("video12");
    await Bun.sleep(200);
    scenario.kubelet.pauseStreams(false);
    await scenario.kubelet.until(
      () => {
        const health = scenario.kubelet.devices();
        return health["video11"] === "Unhealthy" && health["video12"] === "Unhealthy";
      },
      patienceMs,
      "the latest state",
    );
  });

  test("is replaced when the kubelet has lost the registration although the stream is open", async () => {
    const { log } = await scenario.registered();
    scenario.kubelet.makeZombie();
    await eventually(() => scenario.count("registered") === 2, "the registration");
    await scenario.counts(8, 8);
    const ended = log.lines.find(({ msg }) => msg === "Registration ended");
    expect(ended?.fields["reason"]).toBe("not_listed");
  });

  test("stays open when the pod-resources API does not answer", async () => {
    await scenario.registered({ "pod-resources-socket": "/nonexistent/kubelet.sock" });
    await Bun.sleep(900);
    expect(scenario.count("register_received")).toBe(1);
  });

  test("carries the full list in every message, and none without a change", async () => {
    await scenario.registered();
    scenario.sicken("video10");
    await scenario.counts(8, 7);
    scenario.heal("video10");
    await scenario.counts(8, 8);
    await Bun.sleep(300);
    const lists = scenario.seen.filter((event) => event.type === "list_received");
    expect(lists.map(({ total }) => total)).toEqual([8, 8, 8]);
    expect(lists.map(({ healthy }) => healthy)).toEqual([8, 7, 8]);
  });

  test("stays open with every device unhealthy", async () => {
    const { plugin } = await scenario.registered();
    for (let n = 10; n < 18; n++) scenario.sicken(`video${n}`);
    await scenario.counts(8, 0);
    expect(plugin.status().registered).toBe(true);
    for (let n = 10; n < 18; n++) scenario.heal(`video${n}`);
    await scenario.counts(8, 8);
  });

  test("stays open when the plugin's socket is deleted, and the next kubelet is found all the same", async () => {
    await scenario.registered();
    unlinkSync(scenario.socketPath());
    await Bun.sleep(300);
    expect(scenario.count("register_received")).toBe(1);
    scenario.sicken("video10");
    await scenario.counts(8, 7);
    await scenario.kubelet.restart();
    await scenario.counts(8, 7);
  });

  test("of another client does not count as the kubelet's", async () => {
    await scenario.kubelet.start();
    const recorder = recordingLogger();
    let gone = false;
    // Before Register is called, so that the plugin waits for the next kubelet while it serves.
    const debug = (msg: string) => {
      if (msg === "Serving" && !gone) scenario.kubelet.stop({ removeSockets: true });
      gone ||= msg === "Serving";
    };
    const { plugin } = scenario.startPlugin({}, { log: { ...recorder, debug } });
    await eventually(
      () => scenario.sockets().length === 1 && plugin.status().reason === "kubelet_absent",
      "the wait",
    );
    const transport = createSocketTransport(scenario.socketPath());
    const leave = new AbortController();
    const lists: number[] = [];
    const looking = (async () => {
      const client = createClient(DevicePlugin, transport);
      for await (const { devices } of client.listAndWatch({}, { signal: leave.signal })) {
        lists.push(devices.length);
      }
    })().catch(() => undefined);
    await eventually(() => lists.length === 1, "the onlooker's list");
    expect(plugin.status().registered).toBe(false);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    leave.abort();
    await looking;
    transport.close();
  });
});
