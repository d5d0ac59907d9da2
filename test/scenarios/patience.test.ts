import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createClient } from "@connectrpc/connect";
import { PluginError } from "../../src/common/plugin-error.ts";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { FakeDriver } from "../support/fake-driver.ts";
import { eventually, quickMaintenance, quickTimes, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

const longWaits = { initialMs: 60_000, maxMs: 60_000 };

describe("patience", () => {
  test("isn't needed for a kubelet's socket, which is noticed when it appears", async () => {
    const registrationTimes = { ...quickTimes, tickMs: 60_000 };
    await scenario.kubelet.start();
    scenario.kubelet.stop({ removeSockets: true });
    const { plugin } = scenario.startPlugin({}, { registrationTimes });
    await eventually(() => plugin.status().reason === "kubelet_absent", "the wait");
    await Bun.sleep(100);
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
  });

  test("with a kubelet that rejects doesn't delay the next kubelet", async () => {
    const registrationTimes = { ...quickTimes, backoff: longWaits };
    scenario.kubelet.faults.refuseRegister = "not you";
    await scenario.kubelet.start();
    const { plugin } = scenario.startPlugin({}, { registrationTimes });
    await eventually(() => plugin.status().reason === "backoff", "the backoff");
    scenario.kubelet.faults.refuseRegister = undefined;
    await scenario.kubelet.restart();
    await scenario.counts(8, 8);
  });

  test("grows with streams that end at once", async () => {
    const registrationTimes = { ...quickTimes, provenMs: 60_000, backoff: longWaits };
    const { plugin } = await scenario.registered({}, { registrationTimes });
    scenario.kubelet.dropStreams();
    await eventually(() => plugin.status().reason === "backoff", "the backoff");
    expect(scenario.count("register_received")).toBe(1);
  });

  test("starts again after a stream that lasted", async () => {
    const registrationTimes = { ...quickTimes, provenMs: 100, backoff: longWaits };
    await scenario.registered({}, { registrationTimes });
    await Bun.sleep(200);
    scenario.kubelet.dropStreams();
    await eventually(() => scenario.count("registered") === 2, "the registration");
  });

  test("with the first inspection makes the first list correct", async () => {
    const driver = new FakeDriver();
    const make = driver.onEnsure;
    driver.onEnsure = async () => {
      await Bun.sleep(300);
      return make();
    };
    await scenario.registered({}, { driver });
    const lists = scenario.seen.filter((event) => event.type === "list_received");
    expect(lists.map(({ healthy }) => healthy)).toEqual([8]);
  });

  test("with the first inspection ends: the node keeps its capacity while devices can't be created", async () => {
    const driver = new FakeDriver();
    driver.onEnsure = () => new Promise(() => undefined);
    await scenario.kubelet.start();
    scenario.startPlugin({}, { driver });
    await scenario.counts(8, 0);
  });

  test("with a device that its own pod holds open ends: the container starts without a reset", async () => {
    const driver = new FakeDriver();
    driver.onReset = async (id) => {
      throw new PluginError("device_busy", `${id} is held open`);
    };
    await scenario.registered({ "pre-start-container": "true" }, { driver });
    const transport = createSocketTransport(scenario.socketPath());
    await createClient(DevicePlugin, transport).preStartContainer({ devicesIds: ["video10"] });
    transport.close();
    expect(driver.calls).toContain("reset video10");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("with a hanging reset ends long before the kubelet's own", async () => {
    const driver = new FakeDriver();
    driver.onReset = () => new Promise(() => undefined);
    const maintenanceTimes = { ...quickMaintenance, prepareMs: 200 };
    await scenario.registered({ "pre-start-container": "true" }, { driver, maintenanceTimes });
    const transport = createSocketTransport(scenario.socketPath());
    let refusal: unknown;
    try {
      await createClient(DevicePlugin, transport).preStartContainer({ devicesIds: ["video10"] });
    } catch (reason) {
      refusal = reason;
    }
    transport.close();
    expect(String(refusal)).toMatch(/the reset of video10/i);
    // The kubelet waits 30 s for PreStartContainer (KubeletPreStartContainerRPCTimeoutInSecs).
    expect(defaultMaintenanceTimes.prepareMs).toBeLessThan(30_000);
  });
});
