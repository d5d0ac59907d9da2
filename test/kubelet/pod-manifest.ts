import { imageName } from "./image.ts";

/** The name of each pod's only container. */
export const containerName = "bot";

/**
 * What a bot does, as far as a device plugin can see: looks for its cameras, says so, stays until asked
 * to leave. Opening a node proves what `test -c` cannot: that mode and device cgroup let it.
 */
const program = `
echo "VIDEO_DEVICE=$VIDEO_DEVICE VIDEO_DEVICES=$VIDEO_DEVICES"
for node in $(echo "$VIDEO_DEVICES" | busybox tr ',' ' '); do
  busybox ls -l "$node"
  test -c "$node" && echo "character device: $node"
  (: <"$node") && echo "opened for reading: $node"
  (: >"$node") && echo "opened for writing: $node"
done
echo "done"
trap 'exit 0' TERM
busybox sleep 2147483647 & wait
`;

/** A static pod's manifest, asking for a number of devices by resource. */
export function podManifest(name: string, limits: Readonly<Record<string, number>>): object {
  const amount = Object.fromEntries(
    Object.entries(limits).map(([resource, devices]) => [resource, String(devices)]),
  );
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
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
