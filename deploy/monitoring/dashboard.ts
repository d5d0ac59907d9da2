/** The Grafana dashboard: the fleet, then the chosen nodes with the most urgent panels first. `bun run docs` renders dashboard.json from it. */
import { options } from "../../src/config/options.ts";
import { dataSource, layOut, type PanelSpec, type RowSpec, runbookLink } from "./grafana.ts";

const metric = (name: string, labels = "") => `video_device_plugin_${name}${labels}`;
const deviceLabel = '{device=~"$device"}';
/** The labels that identify a device. The node is a label of `build_info` alone. */
const sameDevice = "on (instance, job, device)";
/** Adds the node's name, and keeps the chosen nodes. */
const onNode = (expr: string) =>
  `(${expr}) * on (instance, job) group_left (node) ${metric("build_info", '{node=~"$node"}')}`;

const nodesOf = (status: string) => `sum(kube_daemonset_status_${status}{daemonset=~"$daemonset"})`;
/** 0 if kube-state-metrics has the DaemonSet; without kube-state-metrics a panel shows that it has no data. */
const orNone = `or 0 * ${nodesOf("desired_number_scheduled")}`;
/** The devices that a Pending pod requests, which the scheduler can place on no node. */
const pending = `sum by (namespace, pod) (kube_pod_container_resource_requests{resource="$resource"}) and on (namespace, pod) kube_pod_status_unschedulable == 1`;
/** Of all nodes, without those of a plugin that stands by for another one on its node. */
const ofRegistered = (name: string) =>
  `(${metric(name)} and on (instance, job) ${metric("registered")} == 1)`;
const allHealthy = ofRegistered("device_healthy");
const allInUse = metric("device_in_use");
const allFree = `${allHealthy} * ${sameDevice} (1 - ${allInUse})`;

const healthy = metric("device_healthy", deviceLabel);
const inUse = metric("device_in_use", deviceLabel);
const cordoned = metric("device_cordoned", deviceLabel);
const retired = metric("device_retired", deviceLabel);

/** The growth of a counter between two points of a graph, by these labels. */
const growth = (name: string, by: string) =>
  `sum by (${by}) (${onNode(`increase(${metric(name)}[$__rate_interval])`)})`;
const buckets = (name: string) => growth(`${name}_bucket`, "le");
const quantiles = (name: string) =>
  [0.5, 0.9, 0.99].map((share) => ({
    expr: `histogram_quantile(${share}, ${buckets(name)})`,
    legend: `${share * 100} %`,
  }));

/**
 * The owners of the devices. Without honorLabels, Prometheus renames a metric's labels that its target has as
 * well, as pods scraped by an operator have; this restores them.
 */
const owners = ["namespace", "pod", "container"].reduce(
  (expr, label) => `label_replace(${expr}, "${label}", "$1", "exported_${label}", "(.+)")`,
  metric("device_owner_info", deviceLabel),
);

const stat = (
  title: string,
  description: string,
  expr: string,
  rest: Partial<PanelSpec> = {},
): PanelSpec => ({
  ...{ type: "stat", title, description, unit: "none", width: 4, height: 4 },
  queries: [{ expr, as: "instant" }],
  ...rest,
});

const graph = (
  title: string,
  description: string,
  unit: PanelSpec["unit"],
  queries: PanelSpec["queries"],
  rest: Partial<PanelSpec> = {},
): PanelSpec => ({
  ...{ type: "timeseries", title, description, unit, queries, width: 8, height: 8 },
  ...rest,
});

const alarming = [{ from: 1, color: "red" }];

const fleet: RowSpec = {
  title: "All nodes",
  panels: [
    stat(
      "Nodes desired",
      "Nodes on which the DaemonSet should run. Needs kube-state-metrics.",
      nodesOf("desired_number_scheduled"),
      { thresholds: [{ from: 0, color: "blue" }] },
    ),
    stat(
      "Nodes ready",
      "Nodes whose plugin is registered with the kubelet and offers a device. Needs kube-state-metrics.",
      nodesOf("number_ready"),
      { runbook: "videodevicesnonehealthy" },
    ),
    stat(
      "Nodes without devices",
      "Nodes on which the DaemonSet should run and its pod isn't ready: no pod gets a device there. Needs kube-state-metrics.",
      `${nodesOf("desired_number_scheduled")} - ${nodesOf("number_ready")}`,
      { thresholds: alarming, runbook: "videodeviceplugindown" },
    ),
    stat("Free devices", "Healthy devices of all nodes that are not in use.", `sum(${allFree})`, {
      runbook: "videodevicesnearlyexhausted",
    }),
    stat(
      "Pods Pending",
      "Pods that request a device and that the scheduler can place on no node. Needs kube-state-metrics.",
      `count(${pending}) ${orNone}`,
      { thresholds: [{ from: 1, color: "orange" }], runbook: "device-allocation-fails" },
    ),
    stat(
      "Owned, no stream",
      "Devices of all nodes that a pod owns and to which no process streams, as of the last inspection.",
      `sum(${ofRegistered("device_owned_idle")})`,
      { thresholds: [{ from: 1, color: "orange" }], runbook: "videodevicesnearlyexhausted" },
    ),
    graph(
      "Devices of all nodes",
      "In use, free, and as many more as the pods request that are Pending for lack of a node with enough of them.",
      "short",
      [
        { expr: `sum(${allHealthy} * ${sameDevice} ${allInUse})`, legend: "in use" },
        { expr: `sum(${allFree})`, legend: "free" },
        { expr: `sum(${pending}) ${orNone}`, legend: "requested by Pending pods" },
      ],
      { width: 12, stacked: true, runbook: "videodevicesnearlyexhausted" },
    ),
    {
      ...{ type: "table", title: "Pods Pending for lack of devices", unit: "none" },
      ...{ width: 12, height: 8, runbook: "device-allocation-fails" },
      description:
        "Pods that request a device and that the scheduler can place on no node; kubectl describe pod says if another resource is lacking, too. Needs kube-state-metrics.",
      queries: [{ expr: pending, as: "table" }],
      columns: { namespace: "Namespace", pod: "Pod", Value: "Devices" },
    },
  ],
};

const now: RowSpec = {
  title: "Now",
  panels: [
    stat("Healthy", "Devices that the kubelets know as healthy.", `sum(${onNode(healthy)})`),
    stat(
      "In use",
      "Devices that are allocated to a pod, or that a process holds open.",
      `sum(${onNode(inUse)})`,
      { thresholds: [{ from: 0, color: "blue" }] },
    ),
    stat(
      "Free",
      "Healthy devices that are not in use. Devices whose use is unknown don't count.",
      `sum(${onNode(`${healthy} * ${sameDevice} (1 - ${inUse})`)})`,
    ),
    stat(
      "Unhealthy",
      "Unhealthy devices that are neither cordoned nor retired. The runbook has a remedy for each reason.",
      `count(${onNode(`${healthy} == 0 unless ${sameDevice} ${cordoned} == 1 unless ${sameDevice} ${retired} == 1`)}) or vector(0)`,
      { thresholds: alarming, runbook: "device-reasons" },
    ),
    stat("Cordoned", "Devices that an operator cordoned.", `sum(${onNode(cordoned)})`, {
      ...{ thresholds: [{ from: 1, color: "orange" }], runbook: "videodevicecordoned" },
    }),
    stat(
      "Nodes not registered",
      "Nodes whose plugin is not registered with the kubelet: no pod gets a device there.",
      `count(${onNode(`${metric("registered")} == 0`)}) or vector(0)`,
      { thresholds: alarming, runbook: "videodevicepluginnotregistered" },
    ),
    {
      ...{
        type: "table",
        title: "Which pod owns which device",
        width: 12,
        height: 10,
        unit: "none",
      },
      description: "As the kubelets list them. Empty if METRICS_OWNERS is off.",
      queries: [{ expr: onNode(owners), as: "table" }],
      columns: {
        node: "Node",
        device: "Device",
        namespace: "Namespace",
        pod: "Pod",
        container: "Container",
      },
    },
    {
      ...{ type: "table", title: "Nodes", width: 12, height: 10, unit: "none" },
      description:
        "Devices by node. If a node is not registered or has none healthy, no pod gets a device there.",
      queries: [
        // Of two instances one serves; of several pools each should be registered.
        {
          expr: `min by (node) (max by (node, resource) (${onNode(metric("registered"))}))`,
          as: "table",
        },
        { expr: `sum by (node) (${onNode(healthy)})`, as: "table" },
        { expr: `sum by (node) (${onNode(inUse)})`, as: "table" },
        { expr: `count by (node) (${onNode(healthy)})`, as: "table" },
      ],
      columns: {
        node: "Node",
        "Value #A": "Registered",
        "Value #B": "Healthy",
        "Value #C": "In use",
        "Value #D": "Devices",
      },
    },
    {
      ...{
        type: "state-timeline",
        title: "Devices over time",
        width: 24,
        height: 12,
        unit: "none",
      },
      description:
        "State of each device: free, in use, unhealthy, cordoned; unknown is healthy without proof of its use, as just after a start.",
      queries: [
        {
          expr: onNode(
            // A healthy device without a device_in_use counts 3 more.
            `${healthy} + ${sameDevice} ${healthy} * ${sameDevice} (${inUse} or ${sameDevice} 3 * ${healthy}) + ${sameDevice} 3 * ${cordoned}`,
          ),
          legend: "{{node}} {{device}}",
        },
      ],
      names: {
        0: { text: "unhealthy", color: "red" },
        1: { text: "free", color: "green" },
        2: { text: "in use", color: "blue" },
        3: { text: "cordoned", color: "orange" },
        4: { text: "unknown", color: "text" },
      },
    },
  ],
};

const allocations: RowSpec = {
  title: "Allocations",
  panels: [
    graph("Allocated devices", "By node, between two points of the graph.", "short", [
      { expr: growth("allocated_devices_total", "node") },
    ]),
    graph(
      "Refusals",
      "Refused calls of Allocate and PreStartContainer, by gRPC status. Each refused pod fails.",
      "short",
      [{ expr: growth("allocations_refused_total", "node, code"), legend: "{{node}} {{code}}" }],
      { runbook: "videodeviceallocationsrefused" },
    ),
    graph(
      "Devices by state",
      "All devices: ok, or the reason why they are unhealthy.",
      "short",
      [{ expr: `sum by (state) (${onNode(metric("devices"))})`, legend: "{{state}}" }],
      { stacked: true, runbook: "device-reasons" },
    ),
    graph(
      "Answer time of Allocate",
      "A few milliseconds; up to 2 s if a device must be reset first.",
      "s",
      quantiles("allocate_duration_seconds"),
      { width: 12 },
    ),
    {
      ...{
        type: "heatmap",
        title: "Answer times of Allocate",
        width: 12,
        height: 8,
        unit: "short",
      },
      description: "Number of calls by their duration.",
      queries: [{ expr: buckets("allocate_duration_seconds"), as: "heatmap" }],
    },
  ],
};

const maintenance: RowSpec = {
  title: "Resets and repairs",
  panels: [
    graph(
      "Resets",
      "By result. busy: a process holds the device open, and the plugin tries again.",
      "short",
      [{ expr: growth("resets_total", "node, result"), legend: "{{node}} {{result}}" }],
      { runbook: "videodeviceresetsfailing" },
    ),
    graph("Repairs in place", "By result; v4l2loopback before 0.13 needs them.", "short", [
      { expr: growth("repairs_total", "node, result"), legend: "{{node}} {{result}}" },
    ]),
    graph(
      "Duration of a reset",
      "Time to reset one device.",
      "s",
      quantiles("reset_duration_seconds"),
    ),
    graph(
      "Devices that aren't clean",
      "In use, or to be reset before the next allocation.",
      "short",
      [{ expr: `sum by (node) (${onNode(`1 - ${metric("device_clean", deviceLabel)}`)})` }],
    ),
    graph(
      "Duration of an inspection",
      "Time to inspect all devices of a node.",
      "s",
      quantiles("inspection_duration_seconds"),
    ),
    graph(
      "Age of the last inspection",
      "Rises from 0 to HEALTH_CHECK_INTERVAL and falls again; a line that only rises means that the driver hangs.",
      "s",
      [{ expr: onNode(`time() - ${metric("last_inspection_timestamp_seconds")}`) }],
      { runbook: "videodeviceplugininspectionstale" },
    ),
  ],
};

/** Frames of the application a second, by camera. */
const relayed = `rate(${metric("relay_frames_total", '{device=~"$device", kind="application"}')}[$__rate_interval])`;

const ready: RowSpec = {
  title: "Ready cameras",
  panels: [
    graph(
      "Frames a second",
      "By kind: application and placeholder are what readers get; dropped ones have the wrong size.",
      "short",
      [
        {
          expr: `sum by (node, kind) (${onNode(`rate(${metric("relay_frames_total", deviceLabel)}[$__rate_interval])`)})`,
          legend: "{{node}} {{kind}}",
        },
      ],
    ),
    graph(
      "Time of a frame in the relay",
      "Mean time from the moment at which a frame could be read until the camera had it, by camera.",
      "s",
      [
        {
          expr: onNode(
            `rate(${metric("relay_seconds_total", deviceLabel)}[$__rate_interval]) / ${sameDevice} (${relayed} > 0)`,
          ),
          legend: "{{node}} {{device}}",
        },
      ],
    ),
    graph("CPU of the relay", "Share of one core.", "percentunit", [
      { expr: onNode(`rate(${metric("relay_cpu_seconds_total")}[$__rate_interval])`) },
    ]),
    {
      ...{ type: "state-timeline", title: "Relay", width: 12, height: 8, unit: "none" },
      description: "Whether the relay runs, which copies frames from feeds to cameras.",
      queries: [{ expr: onNode(metric("relay_running")) }],
      names: {
        0: { text: "not running", color: "red" },
        1: { text: "running", color: "green" },
      },
      runbook: "videodevicerelaydown",
    },
    {
      ...{ type: "state-timeline", title: "What cameras show", width: 12, height: 8, unit: "none" },
      description:
        "The application's frames, the placeholder, or the placeholder since the application's frames don't fit.",
      queries: [
        {
          expr: onNode(
            `${metric("camera_shows_application", deviceLabel)} + ${sameDevice} 2 * ${metric("feed_has_problem", deviceLabel)}`,
          ),
          legend: "{{node}} {{device}}",
        },
      ],
      names: {
        0: { text: "placeholder", color: "text" },
        1: { text: "application", color: "green" },
        2: { text: "wrong frames", color: "orange" },
      },
      runbook: "videodevicefeedproblem",
    },
  ],
};

const kubelet: RowSpec = {
  title: "Kubelet",
  panels: [
    {
      ...{ type: "state-timeline", title: "Registered", width: 12, height: 8, unit: "none" },
      description: "Registration of each node's plugin with its kubelet.",
      queries: [{ expr: onNode(metric("registered")) }],
      names: {
        0: { text: "not registered", color: "red" },
        1: { text: "registered", color: "green" },
      },
    },
    graph(
      "Failed calls of the pod-resources API",
      "Some are normal while a kubelet restarts, as is an occasional busy: other clients use up its rate limit.",
      "short",
      [
        {
          expr: growth("pod_resources_errors_total", "node, method, reason"),
          legend: "{{node}} {{method}} {{reason}}",
        },
      ],
      { width: 12, runbook: "videodevicepluginpodresourceserrors" },
    ),
    graph(
      "Registrations",
      "By result. One for each start of a kubelet or of the plugin is normal.",
      "short",
      [{ expr: growth("registrations_total", "node, result"), legend: "{{node}} {{result}}" }],
      { width: 12 },
    ),
    graph(
      "Registrations that ended",
      "By reason; the runbook explains them.",
      "short",
      [
        {
          expr: growth("registrations_ended_total", "node, reason"),
          legend: "{{node}} {{reason}}",
        },
      ],
      { width: 12, runbook: "videodevicepluginregistrationflapping" },
    ),
  ],
};

const plugin: RowSpec = {
  title: "Process",
  panels: [
    graph(
      "Memory",
      "Working set of the plugin's container, which counts against its limit.",
      "bytes",
      [{ expr: onNode(metric("memory_working_set_bytes")) }],
      { runbook: "videodevicepluginmemoryhigh" },
    ),
    graph("CPU", "Share of one core.", "percentunit", [
      { expr: onNode("rate(process_cpu_seconds_total[$__rate_interval])") },
    ]),
    graph(
      "Open files",
      "Share of the limit.",
      "percentunit",
      [{ expr: onNode("process_open_fds / process_max_fds") }],
      { runbook: "videodevicepluginfilesnearlimit" },
    ),
    graph(
      "Lag of the event loop",
      "Delay of the process's timers.",
      "s",
      [{ expr: onNode(metric("event_loop_lag_seconds")) }],
      { runbook: "videodevicepluginslow" },
    ),
    graph(
      "Restarted parts",
      "After an unexpected error, by part. Each is a bug.",
      "short",
      [{ expr: growth("actor_restarts_total", "node, actor"), legend: "{{node}} {{actor}}" }],
      { runbook: "videodevicepluginpartrestarting" },
    ),
    {
      ...{ type: "table", title: "Versions", width: 8, height: 8, unit: "dateTimeFromNow" },
      description: "Version and start of each node's plugin.",
      queries: [
        {
          expr: `(1000 * process_start_time_seconds) * on (instance, job) group_left (node, version) ${metric("build_info", '{node=~"$node"}')}`,
          as: "table",
        },
      ],
      columns: { node: "Node", version: "Version", Value: "Started" },
    },
  ],
};

/** A resource's name as a label's value of kube-state-metrics, which allows only letters, digits and underscores. */
function kubeStateMetricsName(resource: string): string {
  return resource.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

/** A variable with the values of a label; a user can choose several or all. */
function labelVariable(name: string, label: string, from: string): object {
  return {
    ...{ name, label, type: "query", datasource: dataSource, refresh: 2, sort: 7, hide: 0 },
    query: { query: `label_values(${from}, ${name})`, refId: "variable" },
    ...{ multi: true, includeAll: true, allValue: ".+" },
    current: { text: ["All"], value: ["$__all"] },
  };
}

/** A variable that a user types. */
function textVariable(name: string, label: string, value: string, description: string): object {
  const chosen = { selected: true, text: value, value };
  return {
    ...{ name, label, description, type: "textbox", query: value, hide: 0 },
    ...{ current: chosen, options: [chosen] },
  };
}

/** The dashboard for Grafana 10.4 and later; data source, nodes and devices are variables. */
export function dashboard(): object {
  return {
    uid: "video-device-plugin",
    title: "Video Device Plugin",
    description: "Video devices of all nodes, and the state of the plugin.",
    tags: ["kubernetes", "video-device-plugin"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    templating: {
      list: [
        {
          ...{ name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
          ...{ refresh: 1, hide: 0, multi: false, includeAll: false },
        },
        labelVariable("node", "Node", metric("build_info")),
        labelVariable("device", "Device", metric("device_healthy")),
        textVariable(
          "daemonset",
          "DaemonSet",
          ".*video-device-plugin.*",
          "Pattern of the DaemonSet's name, for the panels of kube-state-metrics.",
        ),
        textVariable(
          "resource",
          "Resource",
          kubeStateMetricsName(options.resourceName.default),
          "RESOURCE_NAME as kube-state-metrics writes it: an underscore for each dot, slash and hyphen.",
        ),
        textVariable(
          "runbook",
          "Runbook",
          "docs/runbook.md",
          "Address of your docs/runbook.md, for the links of the panels.",
        ),
      ],
    },
    annotations: { list: [] },
    links: [{ ...runbookLink(), type: "link", icon: "doc", tags: [], asDropdown: false }],
    panels: layOut([fleet, now, allocations, maintenance, ready, kubelet, plugin]),
  };
}
