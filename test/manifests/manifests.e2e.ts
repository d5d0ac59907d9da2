import { describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { Glob, YAML } from "bun";
import { chartDir } from "../../deploy/manifests/chart.ts";
import { helm, helmTemplate } from "../../deploy/manifests/helm.ts";
import { kustomizeDir, renderKustomizeFiles } from "../../deploy/manifests/kustomize-files.ts";
import { names } from "../../deploy/names/names.ts";
import manifest from "../../package.json" with { type: "json" };
import { optionKeys, options } from "../../src/config/options.ts";
import { isPoolKey } from "../../src/config/pools/fields.ts";
import { readPools } from "../../src/config/pools/read-pools.ts";
import {
  containersOf,
  exampleObjects,
  type KubernetesObject,
  parseDocuments,
  podSpecOf,
} from "../support/manifests.ts";
import { codeBlocks } from "../support/markdown.ts";
import { checkerOf } from "./openapi.ts";
import {
  asKubectlReads,
  kubernetesVersions,
  kustomizeBuild,
  kustomizeBuildOwn,
  skipLevel,
  unsupported,
} from "./tools.ts";

/**
 * The manifests, as Helm and kustomize render them, against the schemas of several Kubernetes versions. Run
 * `test/manifests/provision.sh` first.
 */
const skip = skipLevel(unsupported());

const valuesDir = join(import.meta.dir, "values");
const valuesFiles = [...new Glob("*.yaml").scanSync(valuesDir)].sort();
const overlays = [...new Glob("overlays/*/kustomization.yaml").scanSync(kustomizeDir)];
/** The overlay with every component. */
const everything = relative(kustomizeDir, join(import.meta.dir, "overlays/everything"));
const kustomizations = ["base", ...overlays.map((path) => dirname(path)).sort(), everything];

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The node selector of the documents. */
const labelled = { "kubernetes.io/os": "linux", "meeting-baas.io/v4l2loopback": "true" };

/** The chart's values that equal an overlay. */
const asValues: Readonly<Record<string, string>> = {
  base: "profile=full",
  "overlays/full": "profile=full",
  "overlays/restricted": "profile=restricted",
  "overlays/metrics":
    "config.enableMetrics=true,metrics.podMonitor.enabled=true,metrics.networkPolicy.enabled=true",
  "overlays/restricted-metrics":
    "profile=restricted,config.enableMetrics=true,metrics.podMonitor.enabled=true,metrics.networkPolicy.enabled=true",
};

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts: readonly object[];
}

function rendered(args: readonly string[], kubeVersion?: string) {
  const { exitCode, stdout, stderr } = helmTemplate(args, kubeVersion);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return parseDocuments(stdout);
}

describe.skipIf(skip)("the kustomizations", () => {
  test("equal the chart's rendering: bun deploy/render-manifests.ts", async () => {
    for (const { path, text } of renderKustomizeFiles()) {
      const file = relative(kustomizeDir, path);
      expect([file, await Bun.file(path).text()]).toEqual([file, text]);
    }
  });

  test.each(Object.entries(asValues))("%s equals Helm's rendering of %s", (directory, set) => {
    expect(allComparable(parseDocuments(kustomizeBuild(directory)))).toEqual(
      allComparable(rendered(["--set", set, "--skip-tests"])),
    );
  });

  test.each([
    ["full", [], { "video-device-plugin": "spc_t" }],
    [
      "restricted",
      ["restricted"],
      { setup: "spc_t", "video-device-plugin": "container_device_plugin_t" },
    ],
  ])(
    "with the component selinux, %s has the types of Helm's seLinuxOptions",
    async (profile, first, types) => {
      const components = [...first, "selinux"].map((name) => `../../components/${name}`);
      const built = parseDocuments(
        await kustomizeBuildOwn(YAML.stringify({ resources: ["../../base"], components })),
      );
      const set = `profile=${profile},seLinuxOptions.enabled=true`;
      expect(allComparable(built)).toEqual(allComparable(rendered(["--set", set, "--skip-tests"])));
      const containers = built.flatMap((object) =>
        containersOf(podSpecOf(object) ?? { containers: [] }),
      );
      expect(
        containers.map(({ name, securityContext }) => [name, securityContext?.["seLinuxOptions"]]),
      ).toEqual(Object.entries(types).map(([name, type]) => [name, { type }]));
    },
  );

  test.each([
    ["full", []],
    ["restricted", ["restricted"]],
  ])(
    "with the component pools, %s equals Helm's rendering of the same pools, but for the ConfigMap's name",
    async (profile, first) => {
      const file = read("deploy/kubernetes/overlays/pools/pools.yaml");
      const { pools } = YAML.parse(file) as { readonly pools: object };
      const overlay = YAML.parse(read("deploy/kubernetes/overlays/pools/kustomization.yaml"));
      const components = [...first, "pools"].map((name) => `../../components/${name}`);
      const own = YAML.stringify({ ...(overlay as object), components });
      const built = parseDocuments(await kustomizeBuildOwn(own, { "pools.yaml": file }));
      const args = [`--set-json=pools=${JSON.stringify(pools)}`, `--set=profile=${profile}`];
      const [ours, theirs] = [built, rendered([...args, "--skip-tests"])].map((objects) => ({
        config: configMapOf(objects),
        daemonSet: withoutPoolsHash(allComparable(objects)),
      }));
      expect(ours?.daemonSet).toEqual(theirs?.daemonSet);
      expect(JSON.stringify(ours?.daemonSet)).toContain(
        '"path":"/run/video-device-plugin/devices"',
      );
      expect(YAML.parse(ours?.config.data["pools.yaml"] ?? "")).toEqual(
        YAML.parse(theirs?.config.data["pools.yaml"] ?? ""),
      );
      // Another file has another name, so the DaemonSet replaces its pods.
      const other = { "pools.yaml": file.replace("count: 8", "count: 7") };
      const { metadata } = configMapOf(parseDocuments(await kustomizeBuildOwn(own, other)));
      expect(ours?.config.metadata.name).toMatch(/^video-device-plugin-pools-\w{10}$/);
      expect(metadata.name).not.toBe(ours?.config.metadata.name ?? "");
    },
  );

  test.each(["overlays/pools", everything])(
    "the pods of %s read its file, and have no option of a pool",
    (directory) => {
      const objects = parseDocuments(kustomizeBuild(directory));
      const { data, metadata } = configMapOf(objects);
      const context = { lookupGroup: () => undefined };
      expect(readPools("p.yaml", data["pools.yaml"] ?? "", context, {}).problems).toEqual([]);
      const [daemonSet] = objects.filter(({ kind }) => kind === "DaemonSet");
      expect(metadata["namespace"]).toBe(daemonSet?.metadata["namespace"]);
      const spec = daemonSet && podSpecOf(daemonSet);
      const configMap = { name: metadata.name };
      expect(spec?.volumes).toContainEqual({ name: "pools", configMap } as never);
      const ofPools = optionKeys.filter(isPoolKey).map((key) => options[key].env);
      for (const { env = [], volumeMounts } of containersOf(spec ?? { containers: [] })) {
        const names = env.map(({ name }) => name);
        expect(names).toContain("CONFIG_FILE");
        expect(names.filter((name) => ofPools.includes(name))).toEqual([]);
        expect(volumeMounts?.map(({ mountPath }) => mountPath)).toContain(
          dirname(env.find(({ name }) => name === "CONFIG_FILE")?.value ?? ""),
        );
      }
    },
  );

  test("the README's overlay sets the image, the nodes and both containers' variables", async () => {
    const [overlay = "", ...more] = codeBlocks(read("deploy/kubernetes/README.md"), ["yaml"]);
    expect(more).toEqual([]);
    const objects = parseDocuments(await kustomizeBuildOwn(overlay));
    const [spec] = objects.flatMap((object) => podSpecOf(object) ?? []);
    expect(spec).toMatchObject({ nodeSelector: labelled });
    const containers = spec === undefined ? [] : containersOf(spec);
    expect(containers.map(({ name, image }) => [name, image])).toEqual([
      ["setup", `registry.example.com/video-device-plugin:${manifest.version}`],
      ["video-device-plugin", `registry.example.com/video-device-plugin:${manifest.version}`],
    ]);
    for (const { env } of containers) {
      expect(env?.filter(({ name }) => name === "MAX_DEVICES")).toEqual([
        { name: "MAX_DEVICES", value: "4" },
      ]);
    }
  });

  test("all are compared, or extend a compared one", () => {
    const others = kustomizations.filter((directory) => !(directory in asValues));
    expect(others).toEqual(["overlays/own-namespace", "overlays/pools", everything]);
  });

  test("all components fit together", async () => {
    const file = join(kustomizeDir, everything, "kustomization.yaml");
    const { components } = YAML.parse(await Bun.file(file).text()) as { components: string[] };
    const names = [...new Glob("components/*/kustomization.yaml").scanSync(kustomizeDir)];
    expect(components.map((path) => basename(path)).sort()).toEqual(
      names.map((path) => basename(dirname(path))).sort(),
    );
    const kinds = parseDocuments(kustomizeBuild(everything)).map(({ kind }) => kind);
    expect(kinds).toContain("PrometheusRule");
    expect(new Set(kinds).size).toBe(kinds.length);
  });

  test.each(["overlays/own-namespace", everything])(
    "with a namespace of its own (%s), everything is in it",
    (directory) => {
      for (const object of parseDocuments(kustomizeBuild(directory))) {
        const { kind, metadata } = object;
        if (kind === "Namespace") expect(metadata.name).toBe("video-device-plugin");
        else expect(metadata["namespace"]).toBe("video-device-plugin");
        expect(JSON.stringify(object)).not.toContain("kube-system");
      }
    },
  );
});

describe.skipIf(skip)("the chart", () => {
  test.each([[], ...valuesFiles.map((file) => ["--values", join(valuesDir, file)])])(
    "has nothing that lint would say (%s %s)",
    (...args) => {
      const lint = ["lint", "--strict", "--kube-version", "1.33.4", chartDir];
      const { exitCode, stdout } = helm([...lint, ...args.filter((arg) => arg !== undefined)]);
      expect(exitCode).toBe(0);
      expect(stdout.match(/^\[.*$/gm)).toBeNull();
    },
  );

  test.each([
    ["config.maxDevices=0", "/config/maxDevices", "minimum: got 0, want 1"],
    ["config.maxDevices=300", "/config/maxDevices", "maximum: got 300, want 246"],
    ["config.resourceName=cameras", "/config/resourceName", "does not match pattern"],
    ["config.resourceName=a.kubernetes.io/cameras", "/config/resourceName", "'not' failed"],
    ["config.logLevel=loud", "/config/logLevel", "must be one of 'debug', 'info', 'warn', 'error'"],
    ["config.maxDevice=8", "/config", "additional properties 'maxDevice' not allowed"],
    ["maxDevices=8", "''", "additional properties 'maxDevices' not allowed"],
    ["config.v4l2DevicePerm=438", "/config/v4l2DevicePerm", "got number, want string"],
    ["config.enableMetrics=maybe", "/config/enableMetrics", "got string, want boolean"],
    ["profile=privileged", "/profile", "must be one of 'full', 'restricted'"],
    [
      "updateStrategy.rollingUpdate.maxSurge=-1",
      "/updateStrategy/rollingUpdate/maxSurge",
      "minimum",
    ],
    ["hostPaths.kubeletRootDir=kubelet", "/hostPaths/kubeletRootDir", "does not match pattern"],
    ["enabled=maybe", "/enabled", "got string, want boolean"],
    ["extraEnv[0].value=x", "/extraEnv/0", "missing property 'name'"],
    ["extraVolumeMounts[0].name=x", "/extraVolumeMounts/0", "missing property 'mountPath'"],
    ["extraArgs=--log-level", "/extraArgs", "got string, want array"],
    ["commonLabels.a=1", "/commonLabels/a", "got number, want string"],
    ["metrics.serviceMonitor.interval=1", "/metrics/serviceMonitor/interval", "want string"],
  ])("refuses %s before anything is rendered", (set, at, why) => {
    const { exitCode, stdout, stderr } = helmTemplate(["--set", set]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("values don't meet the specifications of the schema(s)");
    expect(stderr).toContain(at);
    expect(stderr).toContain(why);
  });

  test.each([
    ["config.firstDeviceNumber=250", "would be video257, and video255 is the highest"],
    ["profile=restricted,config.preStartContainer=true", "can't reset devices"],
    ["profile=restricted,config.readyCameras=true", "can't create and write ready cameras"],
    ["profile=restricted,config.removeDevicesOnExit=true", "can't remove devices"],
    ["metrics.prometheusRule.enabled=true", "no metrics without config.enableMetrics=true"],
    ["metrics.podMonitor.enabled=true", "no metrics without config.enableMetrics=true"],
    [
      "resourceQuota.enabled=true,priorityClassName=",
      "no class to allow without priorityClassName",
    ],
    ["updateStrategy.rollingUpdate.maxUnavailable=34%", "one of maxSurge (1) and maxUnavailable"],
    ["updateStrategy.rollingUpdate.maxSurge=0", "and the other one above 0"],
    ["metrics.service.enabled=true", "no metrics without config.enableMetrics=true"],
    ["metrics.serviceMonitor.enabled=true", "no metrics without config.enableMetrics=true"],
    ["metrics.dashboard.enabled=true", "no metrics without config.enableMetrics=true"],
    [
      "config.enableMetrics=true,metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true",
      "would scrape each pod twice",
    ],
    ["podLabels.app\\.kubernetes\\.io/name=x", "podLabels: the chart sets app.kubernetes.io/name"],
    [
      "podLabels.app\\.kubernetes\\.io/instance=x",
      "the chart sets app.kubernetes.io/instance itself",
    ],
    ["commonLabels.name=x", "commonLabels: the chart sets name itself"],
    ["extraEnv[0].name=SOCKET_PATH", "extraEnv: the chart sets SOCKET_PATH itself"],
    ["extraEnv[0].name=MANAGE_DEVICES", "extraEnv: the chart sets MANAGE_DEVICES itself"],
    ["extraEnv[0].name=MAX_DEVICES", "extraEnv: the chart sets MAX_DEVICES itself"],
  ])("refuses %s, which no schema can say", (set, why) => {
    const { exitCode, stderr } = helmTemplate(["--set", set]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(why);
  });

  test("has the released image by default, and refuses none", () => {
    const [daemonSet] = rendered([]).filter(({ kind }) => kind === "DaemonSet");
    const containers = containersOf((daemonSet && podSpecOf(daemonSet)) ?? { containers: [] });
    expect(containers.map(({ image }) => image)).toEqual([`${names.image}:${manifest.version}`]);
    const { exitCode, stderr } = helmTemplate(["--set", "image.repository="]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("image.repository: name an image");
  });

  test.each(["docs/nodes.md", "deploy/helm/video-device-plugin/templates/NOTES.txt"])(
    "runs on the labelled nodes alone with what %s says",
    (path) => {
      const [, label] = /kubectl label node NODE\.\.\. (\S+)/.exec(read(path)) ?? [];
      expect(label).toBe("meeting-baas.io/v4l2loopback=true");
      const [, set = ""] = /--set-string '(.+?)'/.exec(read(path)) ?? [];
      const [spec] = rendered(["--set-string", set]).flatMap((object) => podSpecOf(object) ?? []);
      expect(spec).toMatchObject({ nodeSelector: labelled });
    },
  );

  test("is scraped as the alerts' job under any name of the release", () => {
    const objects = rendered(["--values", join(valuesDir, "everything.yaml")]);
    const monitor = objects.find(({ kind }) => kind === "PodMonitor") as unknown as {
      spec: { jobLabel: string; podMetricsEndpoints: unknown[] };
    };
    const daemonSet = objects.find(({ kind }) => kind === "DaemonSet") as unknown as {
      spec: { template: { metadata: { labels: Record<string, string> } } };
    };
    const { labels } = daemonSet.spec.template.metadata;
    const rules = JSON.stringify(objects.find(({ kind }) => kind === "PrometheusRule"));
    const asked = [...rules.matchAll(/job=~\\"(.*?)\\"/g)].map(([, pattern]) => pattern);
    expect(new Set(asked)).toEqual(new Set([".*video-device-plugin.*"]));
    expect(labels[monitor.spec.jobLabel]).toBe("video-device-plugin");
    expect(monitor.spec.podMetricsEndpoints).toMatchObject([{ honorLabels: true }]);
  });

  test("has the alerts, with links to the runbook's address", async () => {
    const alerts = YAML.parse(
      await Bun.file(join(chartDir, "../../monitoring/alerts.yaml")).text(),
    );
    const page = "https://git.example.com/video-device-plugin/blob/main/docs/runbook.md#";
    const objects = rendered(["--values", join(valuesDir, "everything.yaml")]);
    expect(objects.find(({ kind }) => kind === "PrometheusRule")).toMatchObject({
      spec: JSON.parse(JSON.stringify(alerts).replaceAll("docs/runbook.md#", page)),
    });
  });

  test("can't be installed on an old Kubernetes", () => {
    const { exitCode, stderr } = helmTemplate([], "1.25.16");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("requires kubeVersion: >=1.26.0-0");
  });

  test("has Prometheus keep the labels of the devices' owners", () => {
    const monitor = rendered([
      "--set",
      "config.enableMetrics=true,metrics.podMonitor.enabled=true",
    ]).find(({ kind }) => kind === "PodMonitor");
    expect(monitor).toMatchObject({
      spec: { podMetricsEndpoints: [{ port: "metrics", honorLabels: true }] },
    });
  });

  test("passes every value to the program unchanged", () => {
    const [daemonSet] = rendered(["--values", join(valuesDir, "everything.yaml")]).filter(
      ({ kind }) => kind === "DaemonSet",
    );
    const spec = daemonSet && podSpecOf(daemonSet);
    const env = Object.fromEntries(
      (spec?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]),
    );
    expect(env).toMatchObject({
      RESOURCE_NAME: "example.com/cameras",
      V4L2_DEVICE_GROUP: "4294967294",
      V4L2_DEVICE_PERM: "0660",
      V4L2_EXCLUSIVE_CAPS: "false",
      V4L2_CARD_LABEL: 'Camera {n}, "the best" of {node}',
      STATE_DIR: "/data/cameras",
    });
    const known = new Set(optionKeys.map((key) => options[key].env));
    // That of extraEnv.
    expect(Object.keys(env).filter((name) => !known.has(name))).toEqual(["HTTPS_PROXY"]);
  });

  test("puts pools into a ConfigMap, as the program reads them, and replaces the pods of others", () => {
    const pools = (first: number) => [
      {
        name: "bots",
        resource: "a.b/bots",
        onNodes: ["bots-*"],
        loopback: { count: 3, firstNumber: first, mode: "0660", cardLabel: "off" },
        ready: { idleTime: 0.5, placeholder: "#1d3557" },
        container: { env: "BOT_DEVICE" },
      },
      {
        name: "webcams",
        resource: "a.b/webcams",
        devices: { select: [{ usb: { product: "0825", vendor: "046d", serial: "08e5" } }] },
      },
    ];
    const objects = (first: number, ...more: string[]) =>
      rendered([`--set-json=pools=${JSON.stringify(pools(first))}`, ...more]);
    const all = objects(40);
    const config = all.find(({ kind }) => kind === "ConfigMap") as unknown as {
      data: Record<string, string>;
    };
    const context = { lookupGroup: () => undefined };
    const read = readPools("p.yaml", config.data["pools.yaml"] ?? "", context, {});
    expect(read.problems).toEqual([]);
    expect(read.pools.map(({ pool }) => pool)).toMatchObject([
      { name: "bots", options: { maxDevices: 3, v4l2DevicePerm: 0o660, readyIdleTime: 0.5 } },
      { name: "webcams", select: [{ usb: { product: "0825", vendor: "046d", serial: "08e5" } }] },
    ]);

    const pod = (rendering: typeof all) =>
      rendering.find(({ kind }) => kind === "DaemonSet") as unknown as {
        spec: { template: { metadata: { annotations: Record<string, string> }; spec: object } };
      };
    const annotation = (rendering: typeof all) =>
      pod(rendering).spec.template.metadata.annotations["meeting-baas.io/pools"];
    expect(annotation(all)).toMatch(/^[0-9a-f]{64}$/);
    expect(annotation(objects(50))).not.toBe(annotation(all));
    for (const profile of ["full", "restricted"]) {
      const spec = pod(objects(40, `--set=profile=${profile}`)).spec.template.spec as {
        initContainers?: Container[];
        containers: Container[];
      };
      for (const { env, volumeMounts } of [...(spec.initContainers ?? []), ...spec.containers]) {
        const values = Object.fromEntries(env.map(({ name, value }) => [name, value]));
        expect(values).toMatchObject({ CONFIG_FILE: "/etc/video-device-plugin/pools.yaml" });
        expect(values).not.toContainAnyKeys(["RESOURCE_NAME", "MAX_DEVICES"]);
        expect(volumeMounts).toContainEqual({
          ...{ name: "pools", mountPath: "/etc/video-device-plugin", readOnly: true },
        });
      }
    }
    // Without real devices nothing of theirs is mounted.
    const mounts = (rendering: typeof all) => JSON.stringify(pod(rendering).spec.template.spec);
    expect(mounts(all)).toContain('"path":"/run/video-device-plugin/devices"');
    expect(mounts(all)).toContain('"mountPath":"/run/video-device-plugin/devices"');
    const virtual = rendered([`--set-json=pools=${JSON.stringify(pools(40).slice(0, 1))}`]);
    expect(mounts(virtual)).not.toContain("/run/video-device-plugin/devices");
    // The directory of CDI is mounted for any pools: without CDI the plugin removes the files of earlier ones.
    for (const pods of [all, virtual]) {
      expect(mounts(pods)).toContain('"mountPath":"/var/run/cdi"');
      expect(mounts(pods)).toContain(
        '"hostPath":{"path":"/var/run/cdi","type":"DirectoryOrCreate"}',
      );
    }
    expect(mounts(rendered([]))).not.toContain("/var/run/cdi");
    const test = all.find(({ kind }) => kind === "Pod") as unknown as {
      spec: { containers: { resources: { limits: object }; env: object[] }[] };
    };
    expect(test.spec.containers[0]?.resources.limits).toMatchObject({ "a.b/bots": 1 });
    expect(test.spec.containers[0]?.env).toEqual([
      { name: "CONTAINER_DEVICE_ENV", value: "BOT_DEVICE" },
    ]);
  });

  test("refuses pools of another form, and an option of a pool beside them", () => {
    const pool = '[{"name":"a","resource":"b.c/d","loopback":{}}]';
    const misplaced = helmTemplate([`--set-json=pools=${pool}`, "--set=config.readyCameras=true"]);
    expect(misplaced.exitCode).not.toBe(0);
    expect(misplaced.stderr).toContain("config.readyCameras: it belongs to a pool");
    const unknown = helmTemplate([`--set-json=pools=${pool.replace("{}", '{"cuont":3}')}`]);
    expect(unknown.exitCode).not.toBe(0);
    expect(unknown.stderr).toContain("pools");
  });

  test("installs nothing with enabled=false, not even what needs other values", () => {
    const everythingOff = [
      "--values",
      join(valuesDir, "everything.yaml"),
      "--set",
      "enabled=false",
    ];
    for (const args of [["--set", "enabled=false"], everythingOff]) {
      const { exitCode, stdout, stderr } = helmTemplate(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(parseDocuments(stdout)).toEqual([]);
    }
  });

  test("renders with optional values that a user removed", () => {
    const removed = [
      ...["global", "imagePullSecrets", "commonLabels", "annotations", "affinity", "nodeSelector"],
      ...["podLabels", "podAnnotations", "podSecurityContext", "seccompProfile", "tolerations"],
      ...["extraEnv", "extraArgs", "extraVolumes", "extraVolumeMounts", "extraObjects"],
      ...["revisionHistoryLimit", "metrics.podMonitor.labels", "metrics.podMonitor.relabelings"],
    ];
    const nulls = removed.map((value) => `${value}=null`).join(",");
    const monitored = "config.enableMetrics=true,metrics.podMonitor.enabled=true";
    const kinds = rendered(["--set", `${nulls},${monitored}`]).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["DaemonSet", "Pod", "PodMonitor", "ServiceAccount"]);
  });

  test("is a subchart, with values and secrets of its parent", () => {
    const values = { image: { repository: "a.example/plugin" }, profile: "restricted" };
    const parent = {
      global: { imagePullSecrets: ["company"], other: { key: 1 } },
      "video-device-plugin": values,
    };
    const objects = asSubchart(parent);
    expect(objects.map(({ kind }) => kind).sort()).toEqual(["DaemonSet", "Pod", "ServiceAccount"]);
    const daemonSet = objects.find(({ kind }) => kind === "DaemonSet");
    expect(daemonSet && podSpecOf(daemonSet)).toMatchObject({
      imagePullSecrets: [{ name: "company" }],
      initContainers: [{ image: `a.example/plugin:${manifest.version}` }],
    });
    expect(asSubchart({ "video-device-plugin": { enabled: false } })).toEqual([]);
  });

  test("adds labels to all objects, and selects the pods by its own whatever they are", () => {
    const objects = rendered(["--values", join(valuesDir, "everything.yaml"), "--skip-tests"]);
    const own = objects.filter(({ metadata: { name } }) => !/note|of-text/.test(name));
    expect(own.length).toBeGreaterThan(8);
    for (const { kind, metadata } of own) {
      expect([kind, metadata["labels"]]).toEqual([
        kind,
        expect.objectContaining({ name: "video-device-plugin", "example.com/cost-centre": "4711" }),
      ]);
    }
    const daemonSet = objects.find(({ kind }) => kind === "DaemonSet");
    expect(daemonSet).toBeDefined();
    const { selector, template } = (daemonSet?.spec ?? {}) as {
      selector: { matchLabels: Record<string, string> };
      template: { metadata: { labels: Record<string, string> } };
    };
    expect(template.metadata.labels).toMatchObject({
      ...selector.matchLabels,
      "example.com/team": "video",
      "example.com/cost-centre": "4711",
      "app.kubernetes.io/component": "cameras",
    });
    expect(Object.keys(selector.matchLabels)).toEqual([
      "app.kubernetes.io/name",
      "app.kubernetes.io/instance",
    ]);
    expect(daemonSet?.metadata["annotations"]).toEqual({ "example.com/contact": "video" });
  });

  test("gives all containers the extra variables, arguments and mounts", () => {
    const [spec] = rendered(["--values", join(valuesDir, "service-monitor.yaml")])
      .filter(({ kind }) => kind === "DaemonSet")
      .flatMap((object) => podSpecOf(object) ?? []);
    expect(spec).toMatchObject({
      securityContext: { supplementalGroups: [44], seccompProfile: { type: "RuntimeDefault" } },
      volumes: expect.arrayContaining([{ name: "group", hostPath: expect.anything() }]),
    });
    expect(spec).not.toHaveProperty("affinity.nodeAffinity");
    const containers = spec === undefined ? [] : containersOf(spec);
    expect(containers.map(({ name }) => name)).toEqual(["setup", "video-device-plugin"]);
    for (const container of containers) {
      expect(container).toMatchObject({
        args: ["--log-level=debug"],
        env: expect.arrayContaining([{ name: "V4L2_CARD_LABEL", value: "Camera {n}" }]),
        volumeMounts: expect.arrayContaining([
          { name: "group", mountPath: "/etc/group", readOnly: true },
        ]),
      });
    }
  });

  test("renders extra objects of both kinds as templates", () => {
    const objects = rendered(["--values", join(valuesDir, "everything.yaml")]);
    const maps = objects.filter(({ kind }) => kind === "ConfigMap").map(({ metadata }) => metadata);
    expect(maps).toContainEqual({
      name: "video-device-plugin-cameras-note",
      namespace: "kube-system",
    });
    expect(maps).toContainEqual({ name: "of-text", namespace: "kube-system" });
  });

  test("keeps off nodes that have no kernel of their own, beside an affinity between pods", () => {
    const terms = [
      {
        matchExpressions: [
          { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] },
          { key: "type", operator: "NotIn", values: ["virtual-kubelet"] },
        ],
      },
    ];
    const required = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
    };
    for (const args of [[], ["--set-json", 'affinity.podAntiAffinity={"a":1}']]) {
      const [spec] = rendered(args).flatMap((object) => podSpecOf(object) ?? []);
      expect(spec).toMatchObject({ affinity: { nodeAffinity: required } });
    }
  });

  test.each(["podMonitor", "serviceMonitor"])(
    "is scraped through a %s with its interval and relabelings, after the node's name",
    (monitor) => {
      const settings = {
        ...{ enabled: true, interval: "15s", scrapeTimeout: "10s", labels: { release: "p" } },
        relabelings: [{ targetLabel: "team", replacement: "video" }],
        metricRelabelings: [{ action: "labeldrop", regex: "container" }],
      };
      const objects = rendered([
        ...["--set", "config.enableMetrics=true"],
        ...["--set-json", `metrics.${monitor}=${JSON.stringify(settings)}`],
      ]);
      const [kind, endpoints] =
        monitor === "podMonitor"
          ? ["PodMonitor", "podMetricsEndpoints"]
          : ["ServiceMonitor", "endpoints"];
      const object = objects.find((one) => one.kind === kind);
      expect(object).toMatchObject({
        metadata: { labels: { release: "p", name: "video-device-plugin" } },
        spec: {
          jobLabel: "name",
          selector: { matchLabels: { "app.kubernetes.io/name": "video-device-plugin" } },
        },
      });
      expect(((object?.spec ?? {}) as Record<string, unknown>)[endpoints ?? ""]).toEqual([
        {
          ...{ port: "metrics", interval: "15s", scrapeTimeout: "10s", honorLabels: true },
          relabelings: [
            { sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" },
            ...settings.relabelings,
          ],
          metricRelabelings: settings.metricRelabelings,
        },
      ]);
      const service = objects.find((one) => one.kind === "Service");
      // A ServiceMonitor selects the Service, whose label names the job.
      if (kind === "PodMonitor") expect(service).toBeUndefined();
      else {
        expect(service).toMatchObject({
          metadata: {
            labels: {
              name: "video-device-plugin",
              "app.kubernetes.io/name": "video-device-plugin",
            },
          },
          spec: { clusterIP: "None", ports: [{ name: "metrics", port: 8080 }] },
        });
      }
    },
  );

  test("has the dashboard for Grafana's sidecar, with links to the runbook's address", async () => {
    const objects = rendered(["--values", join(valuesDir, "everything.yaml")]);
    const map = objects.find(({ metadata: { name } }) => name.endsWith("-dashboard"));
    expect(map).toMatchObject({
      kind: "ConfigMap",
      metadata: {
        namespace: "monitoring",
        labels: { grafana_dashboard: "1" },
        annotations: { grafana_folder: "Cameras" },
      },
    });
    const dashboard = (await Bun.file(join(chartDir, "../../monitoring/dashboard.json")).text())
      .replaceAll(".*video-device-plugin.*", "video-device-plugin-cameras")
      .replaceAll("meeting_baas_io_video_devices", "example_com_cameras");
    const page = "https://git.example.com/video-device-plugin/blob/main/docs/runbook.md";
    const data = map?.["data"] as Record<string, string>;
    expect(Object.keys(data)).toEqual(["video-device-plugin-cameras.json"]);
    expect(JSON.parse(Object.values(data)[0] ?? "")).toEqual(
      JSON.parse(dashboard.replaceAll('"docs/runbook.md"', `"${page}"`)),
    );
  });

  test("keeps two releases on one node apart", () => {
    const args = ["--set", `fullnameOverride=${"a".repeat(45)}`];
    const [daemonSet] = rendered(args).filter(({ kind }) => kind === "DaemonSet");
    const env = (daemonSet && podSpecOf(daemonSet)?.containers[0]?.env) ?? [];
    const textOf = (wanted: string) => env.find(({ name }) => name === wanted)?.value ?? "";
    expect(options.socketPath.type.parse(textOf("SOCKET_PATH"), { lookupGroup: () => 0 }).ok).toBe(
      true,
    );
    expect(textOf("STATE_DIR")).toBe(`/var/lib/${"a".repeat(45)}`);
  });

  test("tests a device with the plugin's own image, as the program's options say", () => {
    const testOf = (...args: string[]) => {
      const objects = rendered(args);
      const [pod, daemonSet] = ["Pod", "DaemonSet"].map((wanted) => {
        const object = objects.find(({ kind }) => kind === wanted);
        return object && podSpecOf(object);
      });
      const [container] = pod?.containers ?? [];
      expect(container?.image).toBe(daemonSet?.containers[0]?.image ?? "no image");
      return { ...container, security: pod?.["securityContext"] };
    };
    const byDefault = testOf();
    expect(byDefault).toMatchObject({ args: ["snapshot", "--check"] });
    expect(byDefault.env).toBeUndefined();
    expect(byDefault.resources?.limits).toMatchObject({ "meeting-baas.io/video-devices": 1 });
    const sets = "config.containerDeviceEnv=CAMERA,config.v4l2DeviceGroup=44";
    expect(testOf("--set", sets)).toMatchObject({
      env: [{ name: "CONTAINER_DEVICE_ENV", value: "CAMERA" }],
      security: { supplementalGroups: [44] },
    });
  });

  test("writes numbers as the program reads them, with decimals and without an exponent", () => {
    const set = "config.readyIdleTime=0.25,config.v4l2DeviceGroup=5000000";
    for (const flag of ["--set", "--set-json"]) {
      const daemonSet = rendered([flag, set]).find(({ kind }) => kind === "DaemonSet");
      const env = daemonSet && podSpecOf(daemonSet)?.containers[0]?.env;
      expect(env).toContainEqual({ name: "READY_IDLE_TIME", value: "0.25" });
      expect(env).toContainEqual({ name: "V4L2_DEVICE_GROUP", value: "5000000" });
    }
  });

  test("lists in its notes the next steps, and the profile's limits", () => {
    expect(notes()).toContain("pod-security.kubernetes.io/enforce=privileged");
    expect(notes()).not.toContain("NOT reset");
    expect(notes("--set", "profile=restricted")).toContain("NOT reset between pods");
    expect(notes("--set", "config.driver=simulated")).toContain("simulated");
  });

  test("mentions GKE's quota outside of kube-system, unless it has a quota or no class", () => {
    const advice = "--set resourceQuota.enabled=true";
    expect(notes()).toContain(advice);
    for (const set of ["resourceQuota.enabled=true", "priorityClassName="]) {
      expect(notes("--set", set)).not.toContain(advice);
    }
    expect(notes("--namespace", "kube-system")).not.toContain(advice);
  });

  test("has a quota that names the pods' class", () => {
    const objects = rendered(["--set", "resourceQuota.enabled=true,priorityClassName=cameras"]);
    expect(objects.find(({ kind }) => kind === "ResourceQuota")?.spec).toMatchObject({
      scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", values: ["cameras"] }] },
    });
    expect(objects.flatMap((object) => podSpecOf(object) ?? [])).toContainEqual(
      expect.objectContaining({ priorityClassName: "cameras" }),
    );
  });

  test("mentions nodes without the module, unless it has a node selector", () => {
    const advice = "kubectl label node";
    expect(notes()).toContain(advice);
    for (const set of ["nodeSelector.pool=video", "config.driver=simulated"]) {
      expect(notes("--set", set)).not.toContain(advice);
    }
    expect(notes("--values", join(valuesDir, "everything.yaml"))).not.toContain(advice);
    expect(notes("--set", "affinity.nodeAffinity=null")).toContain(advice);
  });
});

describe.skipIf(skip)("Debian's kubectl, of 1.20", () => {
  /** The command that reads a workload changes its image, writes quantities as text, and drops newer fields. */
  function withoutImages(workload: object): unknown {
    const text = JSON.stringify(workload, (key, value) =>
      key === "image" || key === "maxSurge" || key === "status" || key === "creationTimestamp"
        ? undefined
        : typeof value === "number" || typeof value === "boolean"
          ? String(value)
          : value,
    );
    return JSON.parse(text);
  }

  test.each(kustomizations)("reads all fields of the workloads of %s", (directory) => {
    const workloads = parseDocuments(kustomizeBuild(directory)).filter(podSpecOf);
    expect(workloads.length).toBeGreaterThan(0);
    for (const one of workloads) {
      expect(withoutImages(asKubectlReads(one))).toMatchObject(withoutImages(one) as object);
    }
  });

  test("drops an unknown field", () => {
    const [one] = parseDocuments(kustomizeBuild("base")).filter(podSpecOf);
    if (one === undefined) throw new Error("no workload");
    Object.assign(podSpecOf(one) ?? {}, { hostNetwrok: true });
    expect(JSON.stringify(asKubectlReads(one))).not.toContain("hostNetwrok");
  });
});

describe.skipIf(skip).each([...kubernetesVersions])("to Kubernetes %s", (version) => {
  const check = skip ? () => [] : checkerOf(version);

  test.each(kustomizations)("%s is valid", (directory) => {
    const objects = parseDocuments(kustomizeBuild(directory));
    expect(objects.length).toBeGreaterThan(1);
    expect(objects.flatMap(check)).toEqual([]);
  });

  test.each([undefined, ...valuesFiles])("the chart with %s is valid", (file) => {
    const args = file === undefined ? [] : ["--values", join(valuesDir, file)];
    const objects = rendered(args, `${version}.0`);
    expect(objects.length).toBeGreaterThan(1);
    expect(objects.flatMap(check)).toEqual([]);
  });

  test.each([...exampleObjects()])("the example %s is valid", (_file, objects) => {
    expect(objects.flatMap(check)).toEqual([]);
  });

  test("an unknown field is invalid, and so is a value of another type", () => {
    const [daemonSet] = parseDocuments(kustomizeBuild("base")).filter(
      ({ kind }) => kind === "DaemonSet",
    );
    if (daemonSet === undefined) throw new Error("no DaemonSet");
    const spec = podSpecOf(daemonSet) as unknown as Record<string, unknown>;
    spec["hostNetwrok"] = true;
    spec["terminationGracePeriodSeconds"] = "10";
    const found = check(daemonSet).join("\n");
    expect(found).toContain("/spec/template/spec must NOT have additional properties: hostNetwrok");
    expect(found).toContain("terminationGracePeriodSeconds must be integer");
    expect(check({ apiVersion: "v2", kind: "Pod", metadata: { name: "x" } })).toEqual([
      `Kubernetes ${version} has no /v2 Pod`,
    ]);
    const [job] = exampleObjects().get("scaledjob.yaml") ?? [];
    expect(check({ ...job, spec: { trigers: [] } } as never).join("\n")).toContain("trigers");
  });
});

/** The chart's notes for a release in the namespace "video". Only an installation prints them, which needs a cluster. */
function notes(...args: string[]): string {
  const copy = mkdtempSync(join(tmpdir(), "vdp-chart-"));
  try {
    cpSync(chartDir, copy, { recursive: true });
    cpSync(join(copy, "templates/NOTES.txt"), join(copy, "notes"));
    const template = 'notes: {{ tpl (.Files.Get "notes") . | quote }}';
    writeFileSync(join(copy, "templates/notes.yaml"), template);
    const show = ["--namespace", "video", "--show-only", "templates/notes.yaml"];
    const { stdout, stderr } = helm(["template", "vdp", copy, ...show, ...args]);
    expect(stderr).toBe("");
    return String((parseDocuments(stdout)[0] as { notes?: unknown } | undefined)?.notes);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** The objects of a chart that has this one as a dependency, with a condition as its README says. */
function asSubchart(values: object): ReturnType<typeof parseDocuments> {
  const parent = mkdtempSync(join(tmpdir(), "vdp-parent-"));
  try {
    cpSync(chartDir, join(parent, "charts/video-device-plugin"), { recursive: true });
    const dependency = { name: "video-device-plugin", version: manifest.version };
    writeFileSync(
      join(parent, "Chart.yaml"),
      JSON.stringify({
        ...{ apiVersion: "v2", name: "parent", version: "1.0.0" },
        dependencies: [{ ...dependency, condition: "video-device-plugin.enabled" }],
      }),
    );
    writeFileSync(join(parent, "values.yaml"), JSON.stringify(values));
    const { stdout, stderr } = helm(["template", "parent", parent, "--kube-version", "1.33.4"]);
    expect(stderr).toBe("");
    return parseDocuments(stdout);
  } finally {
    rmSync(parent, { recursive: true });
  }
}

function allComparable(objects: ReturnType<typeof parseDocuments>): typeof objects {
  return objects.map(comparable).sort((one, other) => one.kind.localeCompare(other.kind));
}

interface ConfigMap extends KubernetesObject {
  readonly data: Readonly<Record<string, string>>;
}

/** The only ConfigMap. */
function configMapOf(objects: ReturnType<typeof parseDocuments>): ConfigMap {
  const [map, ...more] = objects.filter(({ kind }) => kind === "ConfigMap");
  expect([map, more]).toEqual([expect.anything(), []]);
  return map as ConfigMap;
}

/**
 * The DaemonSet without what says that the config file has changed: Helm's annotation, and the end of the ConfigMap's
 * name; and without the order of mounts and volumes, which the container runtime sorts.
 */
function withoutPoolsHash(objects: ReturnType<typeof parseDocuments>): unknown {
  const text = JSON.stringify(objects.find(({ kind }) => kind === "DaemonSet"));
  const copy = JSON.parse(text.replace(/(video-device-plugin-pools)-\w{10}"/, '$1"'));
  const { metadata, spec } = copy.spec.template;
  delete metadata.annotations;
  const byText = (one: object, other: object) =>
    JSON.stringify(one).localeCompare(JSON.stringify(other));
  const sorted = (list: object[]) =>
    list.map((one) => Object.fromEntries(Object.entries(one).sort())).sort(byText);
  spec.volumes = sorted(spec.volumes);
  for (const container of containersOf(spec)) {
    Object.assign(container, { volumeMounts: sorted([...(container.volumeMounts ?? [])]) });
  }
  return copy;
}

/** Drops Helm's labels, the order of variables, and a setting that an init container doesn't use. */
function comparable(object: ReturnType<typeof parseDocuments>[number]): typeof object {
  const copy = structuredClone(object);
  const strip = (value: unknown): void => {
    if (value === null || typeof value !== "object") return;
    const record = value as Record<string, unknown>;
    delete record["helm.sh/chart"];
    delete record["app.kubernetes.io/managed-by"];
    Object.values(record).forEach(strip);
  };
  strip(copy);
  const spec = podSpecOf(copy);
  for (const container of spec === undefined ? [] : containersOf(spec)) {
    const isInit = spec?.initContainers?.includes(container);
    const env = (container.env ?? [])
      .filter(({ name }) => !isInit || name !== "ENABLE_METRICS")
      .sort((one, other) => one.name.localeCompare(other.name));
    Object.assign(container, { env });
  }
  return copy;
}
