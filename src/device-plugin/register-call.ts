import { createClient } from "@connectrpc/connect";
import { fileIdentity } from "../common/unix-socket.ts";
import { Registration } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../grpc/transport.ts";
import { pluginOptions } from "./device-plugin-service.ts";

/** The only version of the API (k8s.io/kubelet, pkg/apis/deviceplugin/v1beta1/constants.go). */
const apiVersion = "v1beta1";

export interface RegisterCall {
  readonly kubeletSocket: string;
  readonly resourceName: string;
  /** File name of our socket; the kubelet joins it with its own directory. */
  readonly endpoint: string;
  /** True if the kubelet has to call PreStartContainer. */
  readonly preStart: boolean;
  /** Deadline of the call, ms. */
  readonly timeoutMs: number;
}

/** Milliseconds between two checks for a new socket of the kubelet during the call. */
const compareMs = 100;

/**
 * Calls Register once and resolves when the kubelet has accepted.
 *
 * @throws ConnectError with the kubelet's message; `Canceled` if `signal` aborted, or if the kubelet's socket was
 *   replaced during the call (a kubelet that has ended never answers).
 */
export async function callRegister(call: RegisterCall, signal: AbortSignal): Promise<void> {
  const identity = fileIdentity(call.kubeletSocket);
  const abandon = new AbortController();
  const compare = setInterval(() => {
    if (fileIdentity(call.kubeletSocket) !== identity) abandon.abort();
  }, compareMs);
  const transport = createSocketTransport(call.kubeletSocket);
  try {
    await createClient(Registration, transport).register(
      {
        version: apiVersion,
        endpoint: call.endpoint,
        resourceName: call.resourceName,
        options: pluginOptions(call.preStart),
      },
      { timeoutMs: call.timeoutMs, signal: AbortSignal.any([signal, abandon.signal]) },
    );
  } finally {
    clearInterval(compare);
    transport.close();
  }
}
