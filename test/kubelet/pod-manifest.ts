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

type Limits = Readonly<Record<string, number>>;

/** An init container: it ends at once, or is a sidecar and runs the same program as the pod's container. */
interface FirstContainer {
  readonly limits: Limits;
  readonly isSidecar: boolean;
}

/** The resources of a container that requests a number of devices by resource. */
function resources(limits: Limits): object {
  const amount = Object.fromEntries(
    Object.entries(limits).map(([resource, devices]) => [resource, String(devices)]),
  );
  return { limits: amount, requests: amount };
}

/** A static pod's manifest, asking for a number of devices by resource. */
export function podManifest(name: string, limits: Limits, first?: FirstContainer) {
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
      ...(first && {
        initContainers: [
          {
            name: "first",
            image: imageName,
            imagePullPolicy: "Never",
            command: ["/bin/busybox", "sh", "-c", first.isSidecar ? program : "exit 0"],
            ...(first.isSidecar && { restartPolicy: "Always" }),
            resources: resources(first.limits),
          },
        ],
      }),
      containers: [
        {
          name: containerName,
          image: imageName,
          imagePullPolicy: "Never",
          command: ["/bin/busybox", "sh", "-c", program],
          resources: resources(limits),
        },
      ],
    },
  };
}
