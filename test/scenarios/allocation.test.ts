import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport, type SocketTransport } from "../../src/grpc/transport.ts";
import { deviceIds } from "../support/devices.ts";
import { patienceMs } from "../support/eventually.ts";
import { type RunningPlugin, Scenario } from "./harness.ts";

let scenario: Scenario;
let plugin: RunningPlugin;
let transport: SocketTransport | undefined;

beforeEach(async () => {
  scenario = new Scenario();
});
afterEach(async () => {
  transport?.close();
  transport = undefined;
  await scenario.close();
});

/** A client on the plugin's own socket, like the kubelet. */
async function client(options: Record<string, string> = {}): Promise<Client<typeof DevicePlugin>> {
  plugin = await scenario.registered(options);
  transport = createSocketTransport(scenario.socketPath());
  return createClient(DevicePlugin, transport);
}

const request = (...lists: string[][]) => ({
  containerRequests: lists.map((devicesIds) => ({ devicesIds })),
});

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("was not refused");
}

describe("Allocate", () => {
  test("refuses an ID that was never listed", async () => {
    const error = await refusal((await client()).allocate(request(["video99"])));
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe("video99 is not one of this node's devices");
  });

  test("refuses an unhealthy device with its reason", async () => {
    const plugged = await client();
    scenario.sicken("video10");
    await scenario.counts(8, 7);
    const error = await refusal(plugged.allocate(request(["video10"])));
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.rawMessage).toStartWith("video10 is unhealthy (faulty): ");
    const refused = plugin.log.lines.find(({ msg }) => msg === "Allocation refused");
    expect(refused?.fields).toMatchObject({ method: "Allocate", device_ids: ["video10"] });
  });

  test("sorts several IDs by number", async () => {
    const { containerResponses } = await (await client()).allocate(
      request(["video17", "video10", "video12"]),
    );
    expect(containerResponses[0]?.envs["VIDEO_DEVICES"]).toBe(
      "/dev/video10,/dev/video12,/dev/video17",
    );
    expect(containerResponses[0]?.envs["VIDEO_DEVICE"]).toBe("/dev/video10");
    expect(containerResponses[0]?.devices.map(({ permissions }) => permissions)).toEqual([
      "rw",
      "rw",
      "rw",
    ]);
  });

  test("answers the same ID again, for an app container after its init container", async () => {
    await client();
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [
        { name: "prepare", devices: 1, init: true },
        { name: "app", devices: 1 },
      ],
    });
    expect(pod.phase).toBe("Running");
    const given = scenario.seen.filter((event) => event.type === "allocated");
    expect(given.map(({ deviceIds: ids }) => ids)).toEqual([["video10"], ["video10"]]);
  });

  test("answers an empty request and several container requests", async () => {
    const plugged = await client();
    expect((await plugged.allocate({})).containerResponses).toEqual([]);
    const { containerResponses } = await plugged.allocate(
      request([], ["video11"], ["video12", "video10"]),
    );
    expect(containerResponses.map(({ envs }) => envs["VIDEO_DEVICES"])).toEqual([
      undefined,
      "/dev/video11",
      "/dev/video10,/dev/video12",
    ]);
  });

  test("refuses a device that was just lost, and the kubelet learns that it is unhealthy", async () => {
    const plugged = await client();
    scenario.sicken("video13", "create-fails");
    scenario.remove("video13");
    await scenario.counts(8, 7);
    expect((await refusal(plugged.allocate(request(["video13"])))).code).toBe(
      Code.FailedPrecondition,
    );
  });

  test("answers many calls at once, each with its own devices", async () => {
    const plugged = await client();
    const ids = deviceIds();
    const answers = await Promise.all(
      Array.from({ length: 256 }, (_, n) => plugged.allocate(request([ids[n % 8] as string]))),
    );
    answers.forEach(({ containerResponses }, n) => {
      expect(containerResponses[0]?.envs["VIDEO_DEVICE"]).toBe(`/dev/${ids[n % 8]}`);
    });
  });

  test("never changes the device list", async () => {
    const plugged = await client();
    for (const id of deviceIds()) await plugged.allocate(request([id]));
    await Bun.sleep(200);
    expect(scenario.count("list_received")).toBe(1);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("logs each device with the fields that users search for", async () => {
    await (await client()).allocate(request(["video10"]));
    const line = plugin.log.lines.find(({ msg }) => msg === "Device allocated");
    expect(line).toEqual({
      level: "info",
      msg: "Device allocated",
      fields: {
        device_id: "video10",
        device_path: `${scenario.simulatedDir}/video10`,
        container_path: "/dev/video10",
        env_var: "VIDEO_DEVICE=/dev/video10",
        reason: "asked_for_by_kubelet",
        next: "the device is its pod's until the kubelet no longer lists it",
      },
    });
  });
});

describe("GetPreferredAllocation", () => {
  test("prefers devices that have been free longest", async () => {
    await client();
    const add = (name: string) =>
      scenario.kubelet.addPod({ name, containers: [{ name: "c", devices: 1 }] });
    const given: string[] = [];
    for (let n = 0; n < 10; n++) {
      await add(`pod-${n}`);
      given.push(...(scenario.kubelet.allocations()[`pod-${n}`] ?? []));
      scenario.kubelet.removePod(`pod-${n}`);
    }
    expect(given).toEqual([...deviceIds(), "video10", "video11"]);
  });

  test("answers unusual requests without an error", async () => {
    const plugged = await client();
    const { containerResponses } = await plugged.getPreferredAllocation({
      containerRequests: [
        { availableDeviceIDs: ["video10"], mustIncludeDeviceIDs: [], allocationSize: 5 },
        {
          availableDeviceIDs: ["video11", "video10"],
          mustIncludeDeviceIDs: ["video11"],
          allocationSize: 1,
        },
      ],
    });
    expect(containerResponses.map(({ deviceIDs }) => deviceIDs)).toEqual([
      ["video10"],
      ["video11"],
    ]);
  });
});

describe("PreStartContainer", () => {
  const preStart = { "pre-start-container": "true" };

  test("is off by default", async () => {
    const plugged = await client();
    expect((await plugged.getDevicePluginOptions({})).preStartRequired).toBe(false);
  });

  test("resets the device before the container starts", async () => {
    await client(preStart);
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.phase).toBe("Running");
    expect(plugin.log.lines.map(({ msg }) => msg)).toContain(
      "Devices prepared for container start",
    );
    await scenario.counts(8, 8);
  });

  test("refuses an unknown ID", async () => {
    const plugged = await client(preStart);
    const error = await refusal(plugged.preStartContainer({ devicesIds: ["video99"] }));
    expect(error.code).toBe(Code.NotFound);
  });

  test("keeps the container waiting while the reset fails, and lets it start when the reset succeeds", async () => {
    await client(preStart);
    scenario.sicken("video10", "reset-fails");
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.containers[0]).toMatchObject({
      state: "waiting",
      reason: "CreateContainerConfigError",
    });
    scenario.heal("video10", "reset-fails");
    await scenario.kubelet.until(
      () => scenario.kubelet.pod("a")?.containers[0]?.state === "running",
      patienceMs,
      "the container",
    );
  });
});
