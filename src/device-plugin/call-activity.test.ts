import { expect, test } from "bun:test";
import type { ServiceImpl } from "@connectrpc/connect";
import { idlePluginService } from "../../test/support/idle-plugin-service.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import type { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { CallActivity } from "./call-activity.ts";

type Service = ServiceImpl<typeof DevicePlugin>;
const call = (service: Service, method: "allocate" | "getPreferredAllocation") =>
  (service[method] as () => Promise<unknown>)();

function setUp(methods: object = {}) {
  const clock = new ManualClock();
  const activity = new CallActivity(clock);
  const service = activity.counted(idlePluginService(methods) as Service);
  let isQuiet = false;
  const wait = () => {
    void activity.untilQuiet(100, 500).then(() => {
      isQuiet = true;
    });
  };
  const pass = async (ms: number) => {
    for (let n = 0; n < ms / 5; n++) await clock.advance(5);
    return isQuiet;
  };
  return { service, wait, pass };
}

test("without a call it is quiet at once", async () => {
  const { wait, pass } = setUp();
  wait();
  expect(await pass(0)).toBe(false);
  expect(await pass(5)).toBe(true);
});

test("it is quiet some time after the last call", async () => {
  const { service, wait, pass } = setUp();
  await call(service, "allocate");
  wait();
  expect(await pass(60)).toBe(false);
  await call(service, "getPreferredAllocation");
  expect(await pass(95)).toBe(false);
  expect(await pass(10)).toBe(true);
});

test("a call that is under way, or calls without a pause, are waited for within the patience", async () => {
  const { service, wait, pass } = setUp({ allocate: () => new Promise(() => undefined) });
  void call(service, "allocate");
  wait();
  expect(await pass(490)).toBe(false);
  expect(await pass(15)).toBe(true);
});

test("answers and errors are the service's own", async () => {
  const failing = () => {
    throw new Error("no");
  };
  const { service } = setUp({ allocate: failing, getPreferredAllocation: () => ({ a: 1 }) });
  expect(await call(service, "getPreferredAllocation")).toEqual({ a: 1 });
  expect(call(service, "allocate")).rejects.toThrow("no");
});
