import { createClient } from "@connectrpc/connect";
import { isRecord } from "../../common/is-record.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.ts";
import { createSocketTransport } from "../../grpc/transport.ts";
import { connects, noAccess, noSocket } from "../tools/connects.ts";

/** A container runtime, as it describes itself. */
export interface ContainerRuntime {
  /** `containerd`, `cri-o`. */
  readonly name: string;
  /** `2.4.2`, `1.6.20~ds1`. */
  readonly version: string;
  /** containerd's configuration of containers, with the names of its JSON; undefined if the runtime does not show it. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Where container runtimes listen by default: of k3s and rke2 (https://docs.rke2.io/reference/cli_tools), of k0s
 * (https://docs.k0sproject.io/stable/runtime/), and those of kubeadm
 * (https://kubernetes.io/docs/setup/production-environment/container-runtimes/). On a node of the first ones a containerd of Docker
 * may have the third socket, and serves no kubelet.
 */
export const runtimeSockets: readonly string[] = [
  "/run/k3s/containerd/containerd.sock",
  "/run/k0s/containerd.sock",
  "/run/containerd/containerd.sock",
  "/run/crio/crio.sock",
];

/** Longest wait for an answer, ms: long, since the next socket may be that of a runtime without a kubelet. */
const timeoutMs = 10_000;

/**
 * Asks the first container runtime that answers at one of the sockets.
 * @returns why none answered, if none did, in a few words: {@link noAccess} goes before other reasons.
 */
export async function askContainerRuntime(
  sockets: readonly string[] = runtimeSockets,
): Promise<ContainerRuntime | string> {
  let why = noSocket;
  for (const socket of sockets) {
    const unreachable = await connects(socket);
    if (unreachable === noSocket) continue;
    const answer = unreachable === "" ? await ask(socket) : unreachable;
    if (typeof answer !== "string") return answer;
    if (why !== noAccess) why = answer;
  }
  return why;
}

async function ask(socket: string): Promise<ContainerRuntime | string> {
  const transport = createSocketTransport(socket);
  const client = createClient(RuntimeService, transport);
  try {
    const { runtimeName: name, runtimeVersion: version } = await client.version({}, { timeoutMs });
    // Without it the version still says much.
    const info = await client.status({ verbose: true }, { timeoutMs }).then(
      (status) => status.info,
      (): Record<string, string> => ({}),
    );
    return { name, version, config: configIn(info["config"]) };
  } catch (reason) {
    return PluginError.from(reason).message;
  } finally {
    transport.close();
  }
}

function configIn(text = ""): ContainerRuntime["config"] {
  try {
    const config: unknown = JSON.parse(text);
    return isRecord(config) ? config : undefined;
  } catch {
    return undefined;
  }
}
