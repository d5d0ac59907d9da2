import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient, type ServiceImpl } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { addService, onLibraryLog } from "./server.ts";
import { createSocketTransport } from "./transport.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const unimplemented: ServiceImpl<typeof DevicePlugin> = {
  getDevicePluginOptions: () => ({}),
  async *listAndWatch() {
    yield {};
  },
  getPreferredAllocation: () => ({}),
  allocate: () => ({}),
  preStartContainer: () => ({}),
};

async function serve(implementation: Partial<ServiceImpl<typeof DevicePlugin>>) {
  const directory = mkdtempSync(join(tmpdir(), "vdp-"));
  const path = join(directory, "plugin.sock");
  const server = new Server();
  const defects: string[] = [];
  addService(server, DevicePlugin, { ...unimplemented, ...implementation }, (method, error) =>
    defects.push(`${method.name}: ${error}`),
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const transport = createSocketTransport(path);
  cleanups.push(
    () => rmSync(directory, { recursive: true }),
    () => server.forceShutdown(),
    () => transport.close(),
  );
  return { client: createClient(DevicePlugin, transport), defects };
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("did not fail");
}

describe("the bridge between protobuf-es and grpc-js", () => {
  test("answers with plain objects, maps and unknown-free messages", async () => {
    const { client } = await serve({
      allocate: ({ containerRequests }) => ({
        containerResponses: containerRequests.map(({ devicesIds }) => ({
          envs: { IDS: devicesIds.join() },
        })),
      }),
    });
    const { containerResponses } = await client.allocate({
      containerRequests: [{ devicesIds: ["a", "ü"] }],
    });
    expect(containerResponses[0]?.envs).toEqual({ IDS: "a,ü" });
  });

  test("carries the code and the message of an error, beyond ASCII", async () => {
    const { client, defects } = await serve({
      allocate: () => {
        throw new ConnectError("nö: video10", Code.FailedPrecondition);
      },
    });
    const error = await failure(client.allocate({}));
    expect([error.code, error.rawMessage]).toEqual([Code.FailedPrecondition, "nö: video10"]);
    expect(defects).toEqual([]);
  });

  test("reports an error that is no status as a defect, and answers with its message", async () => {
    const { client, defects } = await serve({
      allocate: async () => {
        throw new TypeError("x is undefined");
      },
    });
    const error = await failure(client.allocate({}));
    expect([error.code, error.rawMessage]).toEqual([Code.Unknown, "x is undefined"]);
    expect(defects).toEqual(["Allocate: TypeError: x is undefined"]);
  });

  test("streams, and aborts the handler's signal when the reader leaves", async () => {
    const left = Promise.withResolvers<void>();
    const { client } = await serve({
      async *listAndWatch(_request, { signal }) {
        signal.addEventListener("abort", () => left.resolve());
        yield { devices: [{ ID: "video10", health: "Healthy" }] };
        await left.promise;
      },
    });
    const leave = new AbortController();
    for await (const { devices } of client.listAndWatch({}, { signal: leave.signal })) {
      expect(devices[0]?.ID).toBe("video10");
      break;
    }
    // Connect's clients leave a stream by its signal, not by leaving the loop.
    leave.abort();
    await left.promise;
  });

  test("ends a stream without an error when the handler returns, and with the error that it throws", async () => {
    const { client } = await serve({
      async *listAndWatch(_request) {
        yield {};
        yield {};
      },
    });
    expect(await Array.fromAsync(client.listAndWatch({}))).toHaveLength(2);
    const broken = await serve({
      async *listAndWatch() {
        yield {};
        throw new ConnectError("gone", Code.Unavailable);
      },
    });
    const error = await failure(Array.fromAsync(broken.client.listAndWatch({})));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "gone"]);
  });

  test("writes at a slow reader's speed", async () => {
    const lists = 250;
    let produced = 0;
    const { client } = await serve({
      async *listAndWatch() {
        const devices = Array.from({ length: 2000 }, (_, n) => ({ ID: `${n}`.padStart(50, "0") }));
        for (; produced < lists; produced++) yield { devices };
      },
    });
    let read = 0;
    for await (const { devices } of client.listAndWatch({})) {
      expect(devices).toHaveLength(2000);
      if (read++ === 0) {
        await Bun.sleep(300);
        expect(produced).toBeLessThan(100);
      }
    }
    expect(read).toBe(lists);
  });

  test("aborts the signal of a unary handler that takes a context when its caller has left", async () => {
    const called = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const { client } = await serve({
      allocate: async (_request, { signal }) => {
        signal.addEventListener("abort", () => left.resolve());
        called.resolve();
        await left.promise;
        return {};
      },
    });
    const caller = new AbortController();
    const call = failure(client.allocate({}, { signal: caller.signal }));
    await called.promise;
    caller.abort();
    await left.promise;
    expect((await call).code).toBe(Code.Canceled);
  });

  test("keeps the caller's deadline and cancellation", async () => {
    const { client } = await serve({ allocate: () => Bun.sleep(5000).then(() => ({})) });
    expect((await failure(client.allocate({}, { timeoutMs: 50 }))).code).toBe(
      Code.DeadlineExceeded,
    );
    const signal = AbortSignal.timeout(50);
    expect((await failure(client.allocate({}, { signal }))).code).toBe(Code.Canceled);
  });

  test("fails within milliseconds at a socket without a listener", async () => {
    const transport = createSocketTransport("/nonexistent/socket");
    cleanups.push(() => transport.close());
    const error = await failure(createClient(DevicePlugin, transport).allocate({}));
    expect(error.code).toBe(Code.Unavailable);
  });
});

test("messages of grpc-js go to the log that was set", async () => {
  const logged: string[] = [];
  onLibraryLog((message) => logged.push(message));
  await new Promise((resolve) => {
    new Server().bindAsync("unix:/nonexistent/a.sock", ServerCredentials.createInsecure(), resolve);
  });
  onLibraryLog(() => undefined);
  expect(logged.join()).toContain("No address added");
});
