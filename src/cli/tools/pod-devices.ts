import { createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../grpc/transport.ts";

/** How long the kubelet may take to answer, ms. */
const TIMEOUT_MS = 2000;

/** A device that the kubelet gave to a container. */
export interface PodDevice {
  readonly resourceName: string;
  /** `video10` */
  readonly deviceId: string;
  /** `namespace/name` */
  readonly pod: string;
  readonly container: string;
}

/** Every device of every pod of this node. @throws ConnectError if the kubelet can't be asked. */
export async function listPodDevices(podResourcesSocket: string): Promise<PodDevice[]> {
  const transport = createSocketTransport(podResourcesSocket);
  try {
    const client = createClient(PodResourcesLister, transport);
    const { podResources } = await client.list({}, { timeoutMs: TIMEOUT_MS });
    return podResources.flatMap(({ name, namespace, containers }) =>
      containers.flatMap((container) =>
        container.devices.flatMap(({ resourceName, deviceIds }) =>
          deviceIds.map((deviceId) => ({
            ...{ resourceName, deviceId },
            ...{ pod: `${namespace}/${name}`, container: container.name },
          })),
        ),
      ),
    );
  } finally {
    transport.close();
  }
}
