import { type Container, type Profile, renderedPodTemplate } from "./manifests.ts";

export interface StaticPodOptions {
  readonly name: string;
  /** An image on the node; it is never pulled. */
  readonly image: string;
  /** Variables of every container that override the manifest's, such as `VIDEO_DRIVER`. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The DaemonSet's pod of a profile as a static pod, for a kubelet without an API server. Its containers are as deployed,
 * with a pod network, which needs CNI plugins on the node; it has no service account, priority class and scheduling.
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
