import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Glob } from "bun";
import manifest from "../../package.json" with { type: "json" };
import { exampleImage } from "../names/names.ts";
import type { RenderedFile } from "./chart.ts";
import { helmTemplate } from "./helm.ts";
import { poolsPatch } from "./pools-patch.ts";
import { seLinuxPatch } from "./selinux-patch.ts";

/** The directory of the kustomizations. */
export const kustomizeDir = join(import.meta.dir, "../kubernetes");

const header = `# Rendered by "bun deploy/render-manifests.ts" from deploy/helm/video-device-plugin: change that, not this.
`;

/** Lines that are true only of an installation by Helm. */
const helmLines = /^\s+(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;

/** Pools with all that the pods need for a file with any: real devices, too. */
const anyPools = "pools[0].name=any,pools[0].resource=a.b/any,pools[0].devices.select[0].kind=any";

/** The rendered files: each with its template and settings. */
const rendered: readonly {
  readonly file: string;
  readonly template: string;
  readonly set?: string;
  /** Turns the resource into a patch. */
  readonly patch?: (resource: string) => string;
}[] = [
  { file: "base/serviceaccount.yaml", template: "serviceaccount.yaml" },
  { file: "base/daemonset.yaml", template: "daemonset.yaml" },
  {
    file: "components/restricted/daemonset.yaml",
    template: "daemonset.yaml",
    set: "profile=restricted",
    patch: replaceSpec,
  },
  {
    file: "components/selinux/full.yaml",
    template: "daemonset.yaml",
    set: "seLinuxOptions.enabled=true",
    patch: seLinuxPatch,
  },
  {
    file: "components/selinux/restricted.yaml",
    template: "daemonset.yaml",
    set: "profile=restricted,seLinuxOptions.enabled=true",
    patch: seLinuxPatch,
  },
  {
    file: "components/pools/full.yaml",
    template: "daemonset.yaml",
    set: anyPools,
    patch: (resource) => poolsPatch(render("daemonset.yaml"), resource),
  },
  {
    file: "components/pools/restricted.yaml",
    template: "daemonset.yaml",
    set: `profile=restricted,${anyPools}`,
    patch: (resource) => poolsPatch(render("daemonset.yaml", "profile=restricted"), resource),
  },
  {
    file: "components/service/service.yaml",
    template: "service.yaml",
    set: "metrics.service.enabled=true,config.enableMetrics=true",
  },
  {
    file: "components/pod-monitor/podmonitor.yaml",
    template: "podmonitor.yaml",
    set: "metrics.podMonitor.enabled=true,config.enableMetrics=true",
  },
  {
    file: "components/prometheus-rule/prometheusrule.yaml",
    template: "prometheusrule.yaml",
    set: "metrics.prometheusRule.enabled=true,config.enableMetrics=true",
  },
  {
    file: "components/network-policy/networkpolicy.yaml",
    template: "networkpolicy.yaml",
    set: "metrics.networkPolicy.enabled=true,config.enableMetrics=true",
  },
  {
    file: "components/openshift/rolebinding.yaml",
    template: "openshift-rolebinding.yaml",
    set: "openshift.enabled=true",
  },
  {
    file: "components/own-namespace/resourcequota.yaml",
    template: "resourcequota.yaml",
    set: "resourceQuota.enabled=true",
  },
];

/**
 * The resources of the kustomizations with their comments, as Helm renders them with the chart's default values.
 * @throws Error if helm is missing or fails.
 */
export function renderKustomizeFiles(): RenderedFile[] {
  return rendered.map(({ file, template, set, patch }) => {
    const own = render(template, set);
    return { path: join(kustomizeDir, file), text: header + (patch?.(own) ?? own) };
  });
}

/** @throws Error if helm is missing or fails. */
function render(template: string, set?: string): string {
  const args = ["--show-only", `templates/${template}`, ...(set ? ["--set", set] : [])];
  const { exitCode, stdout, stderr } = helmTemplate(args);
  if (exitCode !== 0) throw new Error(`helm can't render ${template}: ${stderr}`);
  const source = new RegExp(`^---\n# Source: .*/${basename(template)}\n`);
  return stdout.replace(source, "").replace(helmLines, "");
}

/** The examples, with the images of this version of package.json. */
export function renderExamples(): RenderedFile[] {
  const directory = join(kustomizeDir, "examples");
  const image = new RegExp(`(?<= image: )(${exampleImage("[a-z-]+")}):.*`, "g");
  return [...new Glob("*.yaml").scanSync(directory)].sort().map((file) => {
    const path = join(directory, file);
    const text = readFileSync(path, "utf8");
    return { path, text: text.replace(image, `$1:${manifest.version}`) };
  });
}

/** The resource as a patch that replaces the whole `spec`. */
function replaceSpec(resource: string): string {
  return resource.replace(/^spec:\n/m, "spec:\n  $patch: replace\n");
}
