import { beforeEach, describe, expect, test } from "bun:test";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { systemClock } from "../common/clock.ts";
import { Inventory } from "../devices/inventory/inventory.ts";
import { AllocationHistory } from "../devices/usage/allocation-history.ts";
import { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { type DevicePluginServiceDeps, devicePluginService } from "./device-plugin-service.ts";
import { StreamSet } from "./streams.ts";

let driver: FakeDriver;
let pool: Inventory;
let looks: number;
let given: string[];
beforeEach(async () => {
  driver = new FakeDriver(2);
  pool = new Inventory(driver.devices, systemClock);
  await driver.ensure();
  pool.apply(await driver.inspect());
  looks = 0;
  given = [];
});

function client(preStart?: DevicePluginServiceDeps["preStart"], claimed = async () => undefined) {
  const service = devicePluginService(
    {
      pool,
      history: new AllocationHistory(),
      clock: systemClock,
      log: recordingLogger(),
      containerDevicePath: "/dev/{id}",
      claim: async (ids, give) => {
        await claimed();
        const answer = give();
        given.push(...ids);
        return answer;
      },
      preStart,
      inspectSoon: () => {
        looks += 1;
      },
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
  test("has the devices looked at when it refuses one, and only then", async () => {
    await client().allocate(request("video10"));
    expect(looks).toBe(0);
    expect(await refusal(client().allocate(request("video99")))).toBe(Code.NotFound);
    expect(looks).toBe(1);
    driver.set("video10", "faulty");
    pool.apply(await driver.inspect());
    expect(await refusal(client().allocate(request("video10")))).toBe(Code.FailedPrecondition);
    expect(looks).toBe(2);
  });

  test("gives none of the devices away of which one was found broken while they were cleaned", async () => {
    const cleaning = client(undefined, async () => {
      driver.set("video11", "missing");
      pool.apply(await driver.inspect());
    });
    const request = { containerRequests: [{ devicesIds: ["video10", "video11"] }] };
    expect(await refusal(cleaning.allocate(request))).toBe(Code.FailedPrecondition);
    expect(given).toEqual([]);
    await cleaning.allocate({ containerRequests: [{ devicesIds: ["video10"] }] });
    expect(given).toEqual(["video10"]);
  });

  test("starts no container on a device that was found broken while it was made ready", async () => {
    const prepared = client(async () => {
      driver.set("video10", "missing");
      pool.apply(await driver.inspect());
    });
    expect(await refusal(prepared.preStartContainer({ devicesIds: ["video10"] }))).toBe(
      Code.FailedPrecondition,
    );
  });

  test("gives a cordoned device to nobody, and starts the containers of the pod that has it", async () => {
    const prepared = client(async () => undefined);
    pool.hold("video10", { reason: "cordoned", detail: "an operator's wish" });
    expect(await refusal(prepared.allocate(request("video10")))).toBe(Code.FailedPrecondition);
    await prepared.preStartContainer({ devicesIds: ["video10"] });
  });
});
