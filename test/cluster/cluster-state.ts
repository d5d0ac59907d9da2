import type { ApiObject } from "./kubectl.ts";

/** A label's or a resource's name as Prometheus' discovery and kube-state-metrics write it. */
export const sanitized = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, "_");

/** A target as Prometheus reads it from a server (https://prometheus.io/docs/prometheus/latest/http_sd/). */
export interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The targets that Prometheus' own discovery makes of pods, one for each port of a container, with the same meta labels
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod). Debian's Prometheus is built without it.
 */
export function podTargets(pods: readonly ApiObject[]): Target[] {
  return pods.flatMap(({ metadata, spec, status }) =>
    (spec.containers as Container[]).flatMap(({ name: container, ports = [{}] }) =>
      ports.map(({ name = "", containerPort }) => ({
        targets: [containerPort === undefined ? status.podIP : `${status.podIP}:${containerPort}`],
        labels: {
          __meta_kubernetes_namespace: metadata.namespace ?? "",
          __meta_kubernetes_pod_name: metadata.name,
          __meta_kubernetes_pod_node_name: spec.nodeName,
          __meta_kubernetes_pod_phase: status.phase,
          __meta_kubernetes_pod_container_name: container,
          __meta_kubernetes_pod_container_port_name: name,
          ...Object.fromEntries(
            Object.entries(metadata.labels ?? {}).flatMap(([label, value]) => [
              [`__meta_kubernetes_pod_label_${sanitized(label)}`, value],
              [`__meta_kubernetes_pod_labelpresent_${sanitized(label)}`, "true"],
            ]),
          ),
        },
      })),
    ),
  );
}

interface Container {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort?: number }[];
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
}

/**
 * What kube-state-metrics exposes of these objects, as much of it as the dashboard uses
 * (https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics/workload).
 */
export function stateMetrics(objects: {
  readonly daemonSets: readonly ApiObject[];
  readonly pods: readonly ApiObject[];
}): string {
  const daemonSets = objects.daemonSets.flatMap(({ metadata, status }) => {
    const labels = `{namespace="${metadata.namespace}",daemonset="${metadata.name}"}`;
    return [
      `kube_daemonset_status_desired_number_scheduled${labels} ${status.desiredNumberScheduled}`,
      `kube_daemonset_status_number_ready${labels} ${status.numberReady}`,
    ];
  });
  const pods = objects.pods.flatMap(({ metadata, spec, status }) => {
    const pod = `namespace="${metadata.namespace}",pod="${metadata.name}"`;
    const requests = (spec.containers as Container[]).flatMap(({ name, resources }) =>
      Object.entries(resources?.requests ?? {})
        .filter(([resource]) => resource.includes("/"))
        .map(
          ([resource, count]) =>
            `kube_pod_container_resource_requests{${pod},container="${name}",resource="${sanitized(resource)}",unit="integer"} ${count}`,
        ),
    );
    const conditions: { type: string; reason?: string }[] = status.conditions ?? [];
    return conditions.some(({ reason }) => reason === "Unschedulable")
      ? [...requests, `kube_pod_status_unschedulable{${pod}} 1`]
      : requests;
  });
  return `${[...daemonSets, ...pods].join("\n")}\n`;
}
