import { createClient } from "@connectrpc/connect";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";

/** Calls a plugin as a kubelet does, over one connection. */
export class PluginCaller implements Disposable {
  readonly #transport;
  readonly #client;

  constructor(socket: string) {
    this.#transport = createSocketTransport(socket);
    this.#client = createClient(DevicePlugin, this.#transport);
  }

  /** One device, as most pods ask for. */
  readonly allocate = async (id = "video10"): Promise<void> => {
    const request = { containerRequests: [{ devicesIds: [id] }] };
    const { containerResponses } = await this.#client.allocate(request);
    if (containerResponses[0]?.devices.length !== 1) throw new Error("Allocate gave no device");
  };

  /** The least a plugin can be asked: what a call costs before anybody does anything. */
  readonly options = async (): Promise<void> => {
    await this.#client.getDevicePluginOptions({});
  };

  [Symbol.dispose](): void {
    this.#transport.close();
  }
}

/** Calls `count` times, so many at a time; resolves to what each took, ms. */
export async function timeCalls(
  call: () => Promise<void>,
  count: number,
  inFlight = 1,
): Promise<number[]> {
  const times: number[] = [];
  let left = count;
  const caller = async () => {
    while (left-- > 0) {
      const started = performance.now();
      await call();
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return times;
}
