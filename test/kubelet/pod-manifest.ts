import type { PodRequest } from "../contract/node.ts";
import { imageName } from "./image.ts";

/** The name of each pod's only container. */
export const containerName = "bot";

/**
 * What a bot does, as far as a device plugin can tell: looks for its cameras, says so, stays until asked
 * to leave. Opening a node proves what `test -c` cannot: that the container's device cgroup lets it.
 */
const program = `
echo "VIDEO_DEVICE=$VIDEO_DEVICE VIDEO_DEVICES=$VIDEO_DEVICES"
for node in $(echo "$VIDEO_DEVICES" | busybox tr ',' ' '); do
  busybox ls -l "$node"
  test -c "$node" && echo "character device: $node"
  (: <"$node") && echo "opened: $node"
done
trap 'exit 0' TERM
busybox sleep 2147483647 & wait
`;

/**
 * A static pod's manifest. Each has a UID of its own: the kubelet would derive one from the content, and take
 * a pod that is made again for the one that is still ending.
 */
export function podManifest(request: PodRequest, resource: string): object {
  const amount = request.devices > 0 ? { [resource]: String(request.devices) } : {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: request.name, namespace: "default", uid: crypto.randomUUID() },
    spec: {
      hostNetwork: true,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 2,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      containers: [
        {
          name: containerName,
          image: imageName,
          imagePullPolicy: "Never",
          command: ["/bin/busybox", "sh", "-c", program],
          resources: { limits: amount, requests: amount },
        },
      ],
    },
  };
}
