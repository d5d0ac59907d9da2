import { beforeEach, describe, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { eventually } from "../../test/support/eventually.ts";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { makeDevices } from "../../test/support/make-devices.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../common/clock.ts";
import type { Devices } from "../devices/devices.ts";
import {
  DevicePlugin,
  ListAndWatchResponseSchema,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { CdiWriter } from "./cdi/cdi-writer.ts";
import { devicePluginService } from "./device-plugin-service.ts";
import { StreamSet } from "./streams.ts";

let driver: FakeDriver;
let devices: Devices;
beforeEach(async () => {
  driver = new FakeDriver(2);
  devices = makeDevices({ driver });
  await driver.ensure();
  await devices.queue.inspect();
});

function client({ share = 1, cdi }: { share?: number; cdi?: Pick<CdiWriter, "write"> } = {}) {
  const service = devicePluginService(
    {
      devices,
      clock: systemClock,
      log: recordingLogger(),
      view: { path: "/dev/{id}", feedPath: "/dev/feed{index}", variable: "VIDEO_DEVICE" },
      preStart: true,
      share,
      cdi,
      observer: { allocated: () => undefined, allocationRefused: () => undefined },
    },
    new StreamSet(() => undefined),
  );
  return createClient(
    DevicePlugin,
    createRouterTransport((router) => router.service(DevicePlugin, service)),
  );
}

async function refusal(call: Promise<unknown>): Promise<Code> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error).code;
  }
  throw new Error("was not refused");
}

const request = (id: string) => ({ containerRequests: [{ devicesIds: [id] }] });

describe("the device plugin service", () => {
  test("lists 246 devices, the most there can be, in a small part of the 4 MiB that a kubelet reads", async () => {
    driver = new FakeDriver(246);
    devices = makeDevices({ driver });
    await driver.ensure();
    await devices.queue.inspect();
    for await (const list of client().listAndWatch({})) {
      expect(list.devices).toHaveLength(246);
      expect(toBinary(ListAndWatchResponseSchema, list).length).toBeLessThan(8192);
      break;
    }
  });

  test("lists no devices where there are none, so that the kubelet has none of an earlier process", async () => {
    devices = makeDevices({ driver: new FakeDriver(0) });
    const lists = client().listAndWatch({})[Symbol.asyncIterator]();
    expect((await lists.next()).value?.devices).toEqual([]);
    await lists.return?.();
  });

  test("lists a shared device once for each container, and gives a container its node once", async () => {
    const shared = client({ share: 2 });
    for await (const list of shared.listAndWatch({})) {
      expect(list.devices.map(({ ID }) => ID)).toEqual([
        ...["video10::0", "video10::1", "video11::0", "video11::1"],
      ]);
      break;
    }
    const { containerResponses } = await shared.allocate({
      containerRequests: [
        { devicesIds: ["video11::0", "video10::1", "video10::0"] },
        { devicesIds: ["video11::1"] },
      ],
    });
    expect(
      containerResponses.map(({ devices }) => devices.map(({ hostPath }) => hostPath)),
    ).toEqual([["/dev/video10", "/dev/video11"], ["/dev/video11"]]);
    await shared.preStartContainer({ devicesIds: ["video11::0"] });
    expect(await refusal(shared.allocate(request("video10::2")))).toBe(Code.NotFound);
    expect(await refusal(client().allocate(request("video10::0")))).toBe(Code.NotFound);
    const preferred = await shared.getPreferredAllocation({
      containerRequests: [
        { availableDeviceIDs: ["video10::1", "video11::0", "video11::1"], allocationSize: 1 },
      ],
    });
    expect(preferred.containerResponses[0]?.deviceIDs).toEqual(["video11::0"]);
  });

  test("has the devices inspected when it refuses one, and only then", async () => {
    const stop = new AbortController();
    const running = devices.monitor.run(stop.signal);
    await devices.monitor.ready;
    const inspections = () => driver.calls.filter((call) => call === "inspect").length;
    await client().allocate(request("video10"));
    // After its reset.
    const before = inspections();
    expect(await refusal(client().allocate(request("video99")))).toBe(Code.NotFound);
    await eventually(() => inspections() === before + 1, "an inspection");
    driver.set("video10", "faulty");
    await devices.queue.inspect();
    expect(await refusal(client().allocate(request("video10")))).toBe(Code.FailedPrecondition);
    await eventually(() => inspections() === before + 3, "another inspection");
    stop.abort();
    await running;
  });

  test("allocates none of the devices of which one was found broken while they were reset", async () => {
    driver.onReset = async (id) => {
      if (id === "video11") driver.set("video11", "missing");
    };
    const request = { containerRequests: [{ devicesIds: ["video10", "video11"] }] };
    expect(await refusal(client().allocate(request))).toBe(Code.FailedPrecondition);
    expect(devices.usage.use("video10")).toBe("free");
    await client().allocate({ containerRequests: [{ devicesIds: ["video10"] }] });
    expect(devices.usage.use("video10")).toBe("in_use");
  });

  test("starts no container on a device that was found broken while it was prepared", async () => {
    driver.onReset = async () => driver.set("video10", "missing");
    expect(await refusal(client().preStartContainer({ devicesIds: ["video10"] }))).toBe(
      Code.FailedPrecondition,
    );
  });

  test("allocates a cordoned device to no pod, and starts the containers of the pod that owns it", async () => {
    devices.inventory.hold("video10", "cordoned", "an operator's wish");
    expect(await refusal(client().allocate(request("video10")))).toBe(Code.FailedPrecondition);
    await client().preStartContainer({ devicesIds: ["video10"] });
  });

  test("says which NUMA node a device is near to, where that is known", async () => {
    driver.devices = driver.devices.map((device, at) =>
      at === 0 ? { ...device, numaNode: 1 } : device,
    );
    await devices.queue.inspect();
    for await (const list of client().listAndWatch({})) {
      expect(list.devices.map(({ topology }) => topology?.nodes.map(({ ID }) => ID))).toEqual([
        [1n],
        undefined,
      ]);
      break;
    }
  });

  test("names CDI devices once they are written, and those of the container alone", async () => {
    const written: string[][] = [];
    const cdi: Pick<CdiWriter, "write"> = {
      write: async (allocated = []) => {
        written.push(allocated.map(({ id }) => id).toSorted());
        return new Map(devices.inventory.list().map(({ id }) => [id, `a.b/c=${id}`]));
      },
    };
    const containerRequests = [{ devicesIds: ["video11"] }, { devicesIds: ["video10"] }];
    const { containerResponses } = await client({ cdi }).allocate({ containerRequests });
    expect(written).toEqual([["video10", "video11"]]);
    expect(containerResponses.map(({ cdiDevices }) => cdiDevices.map(({ name }) => name))).toEqual([
      ["a.b/c=video11"],
      ["a.b/c=video10"],
    ]);
  });

  test("gives each container its own devices", async () => {
    const containerRequests = [{ devicesIds: ["video11"] }, { devicesIds: ["video10"] }];
    const { containerResponses } = await client().allocate({ containerRequests });
    expect(containerResponses.map(({ envs }) => envs["VIDEO_DEVICE"])).toEqual([
      "/dev/video11",
      "/dev/video10",
    ]);
  });
});
