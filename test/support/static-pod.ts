import { type Container, type Profile, renderedPodTemplate } from "./manifests.ts";

export interface StaticPodOptions {
  readonly name: string;
  /** An image that the node has; nothing is pulled. */
  readonly image: string;
  /** Set in every container, over what the manifest sets: `VIDEO_DRIVER`, `SIMULATED_DIR` and the like. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The DaemonSet's pod of a profile as a static pod, for a kubelet that has no API server. Everything a container
 * is given is as it is deployed, its network included, which takes CNI plugins on the node; what takes a cluster is
 * left out (service account, priority class, scheduling).
 */
export function staticPod(profile: Profile, { name, image, env = {} }: StaticPodOptions): object {
  const { metadata, spec } = renderedPodTemplate(profile);
  const { serviceAccountName, priorityClassName, nodeSelector, tolerations, ...rest } = spec;
  const here = (container: Container): Container => ({
    ...container,
    image,
    imagePullPolicy: "Never",
    env: [
      ...(container.env ?? []).filter(({ name: variable }) => !(variable in env)),
      ...Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
    ],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "kube-system", labels: metadata.labels },
    spec: {
      ...rest,
      ...(spec.initContainers && { initContainers: spec.initContainers.map(here) }),
      containers: spec.containers.map(here),
    },
  };
}
