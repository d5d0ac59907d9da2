/**
 * One Allocate over gRPC's service, down to the loopback driver on a fake kernel: `allocate-path.test.ts` sees from
 * the coverage which files it touches. ALLOCATE=no stops before it, DIRTY=yes has an adopted device.
 */
import { onTestFinished, test } from "bun:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { silentLogger } from "../../src/common/logger.ts";
import { devicePluginService } from "../../src/device-plugin/device-plugin-service.ts";
import { StreamSet } from "../../src/device-plugin/streams.ts";
import { LoopbackDriver } from "../../src/drivers/loopback/index.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { PodResources } from "../../src/pod-resources/pod-resources.ts";
import { FakeLoopbackKernel } from "../support/fake-loopback-kernel.ts";
import { makeDevices } from "../support/make-devices.ts";
import { steppingClock } from "../support/stepping-clock.ts";

test("one Allocate", async () => {
  const kernel = new FakeLoopbackKernel({ version: "0.15.4" });
  onTestFinished(() => kernel.close());
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const settings = {
    ...{ firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined },
    ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" as const },
    ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
    ...{ deviceDir, sysfsDir, modulesDir, kernelRelease, modprobeDirs: [] },
  };
  const clock = steppingClock();
  const log = silentLogger;
  const driver = new LoopbackDriver(settings, { log, kernel, clock });
  const podResources = { socket: "/nowhere/kubelet.sock", resourceName: "a.b/c", intervalMs: 1000 };
  const devices = makeDevices({ driver, clock, source: new PodResources(podResources, clock) });
  await devices.queue.run({ what: "a start" }, async (turn) => {
    const report = await turn.ensure({});
    if (process.env["DIRTY"] !== "yes") devices.monitor.created(report);
    await turn.inspect();
  });
  const observer = { allocated: () => undefined, allocationRefused: () => undefined };
  const service = devicePluginService(
    { devices, clock, log, containerDevicePath: "/dev/{id}", preStart: false, observer },
    new StreamSet(() => undefined),
  );
  const transport = createRouterTransport((router) => {
    router.service(DevicePlugin, service);
  });
  if (process.env["ALLOCATE"] === "no") return;
  const containerRequests = [{ devicesIds: ["video10"] }];
  await createClient(DevicePlugin, transport).allocate({ containerRequests });
});
