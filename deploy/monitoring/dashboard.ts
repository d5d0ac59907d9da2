/** The Grafana dashboard: what an operator wants to know first is on top. `bun run docs` makes dashboard.json of it. */
import { dataSource, layOut, type PanelSpec, type RowSpec } from "./grafana.ts";

const metric = (name: string, labels = "") => `video_device_plugin_${name}${labels}`;
const DEVICE = '{device=~"$device"}';
/** Devices are told apart by these; the node is a label of `build_info` alone. */
const SAME_DEVICE = "on (instance, job, device)";
/** Adds the node's name, and leaves those nodes that were chosen. */
const onNode = (expr: string) =>
  `(${expr}) * on (instance, job) group_left (node) ${metric("build_info", '{node=~"$node"}')}`;

const healthy = metric("device_healthy", DEVICE);
const inUse = metric("device_in_use", DEVICE);
const cordoned = metric("device_cordoned", DEVICE);
const retired = metric("device_retired", DEVICE);

/** How much a counter grew between two points of a graph, by these labels. */
const growth = (name: string, by: string) =>
  `sum by (${by}) (${onNode(`increase(${metric(name)}[$__rate_interval])`)})`;
const buckets = (name: string) => growth(`${name}_bucket`, "le");
const quantiles = (name: string) =>
  [0.5, 0.9, 0.99].map((share) => ({
    expr: `histogram_quantile(${share}, ${buckets(name)})`,
    legend: `${share * 100} %`,
  }));

/**
 * Who has the devices. Prometheus renames labels that a target has of its own, as pods scraped by an operator do,
 * unless honorLabels is set; this takes them back.
 */
const owners = ["namespace", "pod", "container"].reduce(
  (expr, label) => `label_replace(${expr}, "${label}", "$1", "exported_${label}", "(.+)")`,
  metric("device_owner_info", DEVICE),
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

const now: RowSpec = {
  title: "Now",
  panels: [
    stat("Healthy", "Devices that the kubelets are told are healthy.", `sum(${onNode(healthy)})`),
    stat(
      "In use",
      "Devices that a pod has, was just given, or that somebody holds open.",
      `sum(${onNode(inUse)})`,
      { thresholds: [{ from: 0, color: "blue" }] },
    ),
    stat(
      "Free",
      "Healthy devices that nobody uses: how many more pods find one. Those of which that isn't known don't count.",
      `sum(${onNode(`${healthy} * ${SAME_DEVICE} (1 - ${inUse})`)})`,
    ),
    stat(
      "Unhealthy",
      "Devices that are out of the offer, not cordoned and not retired. Runbook: each reason has its remedy.",
      `count(${onNode(`${healthy} == 0 unless ${SAME_DEVICE} ${cordoned} == 1 unless ${SAME_DEVICE} ${retired} == 1`)}) or vector(0)`,
      { thresholds: alarming },
    ),
    stat(
      "Cordoned",
      "Devices that an operator took out of the offer.",
      `sum(${onNode(cordoned)})`,
      { thresholds: [{ from: 1, color: "orange" }] },
    ),
    stat(
      "Nodes not registered",
      "Nodes whose kubelet doesn't listen to the plugin: none of their devices can be had.",
      `count(${onNode(`${metric("registered")} == 0`)}) or vector(0)`,
      { thresholds: alarming },
    ),
    {
      ...{
        type: "table",
        title: "Which pod has which device",
        width: 12,
        height: 10,
        unit: "none",
      },
      description: "As the kubelets say. Empty if METRICS_OWNERS is off.",
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
        "What each node has. Not registered, or none healthy: no pod gets a device there.",
      queries: [
        { expr: `max by (node) (${onNode(metric("registered"))})`, as: "table" },
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
        "What each device was: free, in use, unhealthy, cordoned by an operator; or healthy, and nobody knows who uses it.",
      queries: [
        {
          expr: onNode(
            // What has no word about its use counts 3 more, as far as it is healthy.
            `${healthy} + ${SAME_DEVICE} ${healthy} * ${SAME_DEVICE} (${inUse} or ${SAME_DEVICE} 3 * ${healthy}) + ${SAME_DEVICE} 3 * ${cordoned}`,
          ),
          legend: "{{node}} {{device}}",
        },
      ],
      names: {
        0: { text: "unhealthy", color: "red" },
        1: { text: "free", color: "green" },
        2: { text: "in use", color: "blue" },
        3: { text: "cordoned", color: "orange" },
        4: { text: "use unknown", color: "text" },
      },
    },
  ],
};

const allocations: RowSpec = {
  title: "Allocations",
  panels: [
    graph("Devices given to containers", "By Allocate, between two points of the graph.", "short", [
      { expr: growth("allocated_devices_total", "node") },
    ]),
    graph(
      "Refusals",
      "Allocate and PreStartContainer calls refused, by gRPC status. Each is a pod that fails.",
      "short",
      [{ expr: growth("allocations_refused_total", "node, code"), legend: "{{node}} {{code}}" }],
    ),
    graph(
      "Devices by state",
      "All devices, by what is the matter with them.",
      "short",
      [{ expr: `sum by (state) (${onNode(metric("devices"))})`, legend: "{{state}}" }],
      { stacked: true },
    ),
    graph(
      "Answer time of Allocate",
      "Milliseconds at most; up to 2 s if a device had to be reset first.",
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
      description: "How many calls took how long.",
      queries: [{ expr: buckets("allocate_duration_seconds"), as: "heatmap" }],
    },
  ],
};

const care: RowSpec = {
  title: "Cleaning and healing",
  panels: [
    graph(
      "Resets",
      "By result. busy: somebody holds the device open, it is tried again.",
      "short",
      [{ expr: growth("resets_total", "node, result"), legend: "{{node}} {{result}}" }],
    ),
    graph("Repairs in place", "By result; v4l2loopback before 0.13 needs them.", "short", [
      { expr: growth("repairs_total", "node, result"), legend: "{{node}} {{result}}" },
    ]),
    graph(
      "Duration of a reset",
      "Making a device as good as new.",
      "s",
      quantiles("reset_duration_seconds"),
    ),
    graph(
      "Devices that aren't clean",
      "In use, or to be reset before somebody else gets them.",
      "short",
      [{ expr: `sum by (node) (${onNode(`1 - ${metric("device_clean", DEVICE)}`)})` }],
    ),
    graph(
      "Duration of an inspection",
      "Of all devices of a node.",
      "s",
      quantiles("inspection_duration_seconds"),
    ),
    graph(
      "Age of the last inspection",
      "Saws between 0 and HEALTH_CHECK_INTERVAL; a line that only climbs is a driver that hangs.",
      "s",
      [{ expr: onNode(`time() - ${metric("last_inspection_timestamp_seconds")}`) }],
    ),
  ],
};

const kubelet: RowSpec = {
  title: "Kubelet",
  panels: [
    {
      ...{ type: "state-timeline", title: "Registered", width: 12, height: 8, unit: "none" },
      description: "Whether the kubelet listened to the plugin's list of devices.",
      queries: [{ expr: onNode(metric("registered")) }],
      names: {
        0: { text: "not registered", color: "red" },
        1: { text: "registered", color: "green" },
      },
    },
    graph(
      "Questions to pod-resources that failed",
      "Some while a kubelet restarts are normal, and busy now and then: it is asked too much by others.",
      "short",
      [
        {
          expr: growth("pod_resources_errors_total", "node, method, reason"),
          legend: "{{node}} {{method}} {{reason}}",
        },
      ],
      { width: 12 },
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
      { width: 12 },
    ),
  ],
};

const plugin: RowSpec = {
  title: "Process",
  panels: [
    graph("Memory", "Resident; the manifests allow 128 MiB.", "bytes", [
      { expr: onNode("process_resident_memory_bytes") },
    ]),
    graph("CPU", "Of one core.", "percentunit", [
      { expr: onNode("rate(process_cpu_seconds_total[$__rate_interval])") },
    ]),
    graph("Open files", "Of those that are allowed.", "percentunit", [
      { expr: onNode("process_open_fds / process_max_fds") },
    ]),
    graph("Lag of the event loop", "How late the process gets to its work.", "s", [
      { expr: onNode(metric("event_loop_lag_seconds")) },
    ]),
    graph("Parts started anew", "After an unexpected error, by part. Each is a defect.", "short", [
      { expr: growth("actor_restarts_total", "node, actor"), legend: "{{node}} {{actor}}" },
    ]),
    {
      ...{ type: "table", title: "Versions", width: 8, height: 8, unit: "dateTimeFromNow" },
      description: "What runs where, and since when.",
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

/** A variable with the values of a label, several or all of which may be chosen. */
function labelVariable(name: string, label: string, from: string): object {
  return {
    ...{ name, label, type: "query", datasource: dataSource, refresh: 2, sort: 7, hide: 0 },
    query: { query: `label_values(${from}, ${name})`, refId: "variable" },
    ...{ multi: true, includeAll: true, allValue: ".+" },
    current: { text: ["All"], value: ["$__all"] },
  };
}

/** As Grafana 10.4 and later read it; data source, nodes and devices are variables. */
export function dashboard(): object {
  return {
    uid: "video-device-plugin",
    title: "Video Device Plugin",
    description: "Video devices of all nodes, and how the plugin that offers them is doing.",
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
      ],
    },
    annotations: { list: [] },
    links: [],
    panels: layOut([now, allocations, care, kubelet, plugin]),
  };
}
