import { Code, ConnectError, createClient, type ServiceImpl } from "@connectrpc/connect";
import { HandOverService } from "../gen/videodevice/handover/v1/hand_over_pb.ts";
import { createSocketTransport } from "../grpc/transport.ts";
import { findStandbys } from "./socket-file.ts";

/**
 * True if the kubelet keeps the devices when the older one of two instances ends, by the version of grpc-go with which it
 * opened the stream. Kubelets up to 1.36 disconnect the newer instance then (k/k#121994); they have grpc-go 1.79 at most, and
 * 1.37 has 1.82 (go.mod of k8s.io/kubernetes). The plugin API has no other sign. A wrong answer costs what a registration
 * after the end costs.
 */
export function keepsNewerInstance(userAgent: string | undefined): boolean {
  const [, major, minor] = /^grpc-go\/(\d+)\.(\d+)/.exec(userAgent ?? "") ?? [];
  if (major === undefined) return false;
  return Number(major) > 1 || Number(minor) >= 80;
}

/**
 * Asks the standbys of the resource, one after the other, to register now.
 *
 * @param timeoutMs how long each may take.
 * @returns true once the kubelet reads the list of one of them; false at once if there is none.
 */
export async function letStandbyRegister(
  socketPath: string,
  resourceName: string,
  timeoutMs: number,
): Promise<boolean> {
  for (const path of await findStandbys(socketPath, resourceName)) {
    const transport = createSocketTransport(path);
    try {
      await createClient(HandOverService, transport).takeOver({}, { timeoutMs });
      return true;
    } catch {
      // It is an older plugin without this service, does not wait for this instance's lock, or has ended.
    } finally {
      transport.close();
    }
  }
  return false;
}

/** The service by which an instance that ends asks this one to register. `register` returns true once it has. */
export function handOverService(
  register: () => Promise<boolean>,
): ServiceImpl<typeof HandOverService> {
  return {
    takeOver: async () => {
      if (await register()) return {};
      throw new ConnectError("This instance can't take over now", Code.FailedPrecondition);
    },
  };
}
