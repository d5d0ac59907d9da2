/**
 * One Allocate over gRPC's service, down to the loopback driver on a fake kernel: `allocate-path.test.ts` sees from
 * the coverage which files it touches. ALLOCATE=no stops before it, DIRTY=yes has an adopted device.
 */
import { onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { Server } from "@grpc/grpc-js";
import { systemClock as clock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import { devicePluginService } from "../../src/device-plugin/device-plugin-service.ts";
import { StreamSet } from "../../src/device-plugin/streams.ts";
import { LoopbackDriver } from "../../src/drivers/loopback/index.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { PodResourcesLister } from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { addService } from "../../src/grpc/server.ts";
import { PodResources } from "../../src/pod-resources/pod-resources.ts";
import { SocketServer } from "../../src/simulator/socket-server.ts";
import { FakeLoopbackKernel } from "../support/fake-loopback-kernel.ts";
import { makeDevices } from "../support/make-devices.ts";

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
  const log = silentLogger;
  const driver = new LoopbackDriver(settings, { log, kernel, clock });
  const socket = join(deviceDir, "kubelet.sock");
  await servePodResources(socket);
  const source = new PodResources({ socket, resourceName: "a.b/c", intervalMs: 1000 }, clock);
  onTestFinished(() => source.close());
  const devices = makeDevices({ driver, clock, source });
  await devices.queue.run({ what: "a start" }, async (turn) => {
    const report = await turn.ensure({});
    if (process.env["DIRTY"] !== "yes") devices.monitor.created(report);
    await turn.inspect();
  });
  const observer = { allocated: () => undefined, allocationRefused: () => undefined };
  const service = devicePluginService(
    {
      devices,
      clock,
      log,
      view: { path: "/dev/{id}", feedPath: "/dev/feed{index}", variable: "VIDEO_DEVICE" },
      preStart: false,
      observer,
    },
    new StreamSet(() => undefined),
  );
  const transport = createRouterTransport((router) => {
    router.service(DevicePlugin, service);
  });
  if (process.env["ALLOCATE"] === "no") return;
  const containerRequests = [{ devicesIds: ["video10"] }];
  await createClient(DevicePlugin, transport).allocate({ containerRequests });
});

/** A kubelet that lists no pods. */
async function servePodResources(socket: string): Promise<void> {
  const server = new Server();
  const lister = {
    list: () => ({ podResources: [] }),
    getAllocatableResources: () => ({}),
    get: () => ({}),
  };
  addService(server, PodResourcesLister, lister, () => undefined);
  const serving = await SocketServer.listen(server, socket);
  onTestFinished(() => {
    serving.close(true);
  });
}
