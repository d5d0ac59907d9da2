import { sanitized } from "./cluster-state.ts";

/** A PodMonitor of the Prometheus operator, the fields that ours has. */
export interface PodMonitor {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly jobLabel?: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly PodMetricsEndpoint[];
  };
}

interface PodMetricsEndpoint {
  readonly port: string;
  readonly honorLabels?: boolean;
  readonly relabelings?: readonly {
    readonly sourceLabels?: readonly string[];
    readonly targetLabel: string;
    /** The API server's default is "replace". */
    readonly action?: string;
  }[];
}

/** Fields of a PodMonitor's spec, and of an endpoint, that {@link scrapeConfigs} knows. */
const knownFields = {
  spec: ["jobLabel", "selector", "podMetricsEndpoints"],
  selector: ["matchLabels"],
  endpoint: ["port", "interval", "honorLabels", "relabelings"],
  relabeling: ["sourceLabels", "targetLabel", "action"],
};

/**
 * The scrape configurations that the Prometheus operator makes from a PodMonitor, with the same meta labels in the same
 * order (generatePodMonitorConfig in pkg/prometheus/promcfg.go of v0.85.0). The interval is the caller's, and the pods of the
 * PodMonitor's namespace come from a server.
 *
 * @param discovery address of that server
 * @throws Error if the PodMonitor has a field that would be left out.
 */
export function scrapeConfigs(monitor: PodMonitor, discovery: string, interval: string): object[] {
  const { metadata, spec } = monitor;
  check("spec", spec);
  check("selector", spec.selector);
  return spec.podMetricsEndpoints.map((endpoint, index) => {
    check("endpoint", endpoint);
    return {
      job_name: `podMonitor/${metadata.namespace}/${metadata.name}/${index}`,
      honor_labels: endpoint.honorLabels === true,
      scrape_interval: interval,
      scrape_timeout: interval,
      http_sd_configs: [{ url: discovery, refresh_interval: "1s" }],
      relabel_configs: [
        { source_labels: ["job"], target_label: "__tmp_prometheus_job_name" },
        { source_labels: [meta("phase")], regex: "(Failed|Succeeded)", action: "drop" },
        ...Object.entries(spec.selector.matchLabels).map(([label, value]) => ({
          source_labels: [
            meta(`label_${sanitized(label)}`),
            meta(`labelpresent_${sanitized(label)}`),
          ],
          regex: `(${value});true`,
          action: "keep",
        })),
        { source_labels: [meta("container_port_name")], regex: endpoint.port, action: "keep" },
        { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
        { source_labels: [meta("container_name")], target_label: "container" },
        { source_labels: [meta("name")], target_label: "pod" },
        { target_label: "job", replacement: `${metadata.namespace}/${metadata.name}` },
        ...(spec.jobLabel === undefined
          ? []
          : [
              {
                source_labels: [meta(`label_${sanitized(spec.jobLabel)}`)],
                regex: "(.+)",
                target_label: "job",
                // biome-ignore lint/suspicious/noTemplateCurlyInString: Prometheus' own
                replacement: "${1}",
              },
            ]),
        { target_label: "endpoint", replacement: endpoint.port },
        ...(endpoint.relabelings ?? []).map((relabeling) => {
          check("relabeling", relabeling);
          const { sourceLabels = [], targetLabel, action = "replace" } = relabeling;
          return { source_labels: sourceLabels, target_label: targetLabel, action };
        }),
      ],
    };
  });
}

const meta = (name: string) => `__meta_kubernetes_pod_${name}`;

function check(what: keyof typeof knownFields, value: object): void {
  const unknown = Object.keys(value).filter((key) => !knownFields[what].includes(key));
  if (unknown.length > 0) throw new Error(`a PodMonitor's ${what} has ${unknown.join(", ")}`);
}
