import { basename, join } from "node:path";
import type { RenderedFile } from "./chart.ts";
import { helmTemplate } from "./helm.ts";
import { seLinuxPatch } from "./selinux-patch.ts";

/** Where the kustomizations are. */
export const kustomizeDir = join(import.meta.dir, "../kubernetes");

/**
 * The image that the kustomizations name until an overlay names another one: under a domain that can't be anybody's
 * (RFC 6761, section 6.4), as what is pulled runs privileged on every node.
 */
export const PLACEHOLDER_IMAGE = "registry.invalid/video-device-plugin";

const HEADER = `# Rendered by "bun deploy/render-manifests.ts" from deploy/helm/video-device-plugin: change that, not this.
`;

/** Lines that are true of an installation by Helm alone. */
const HELMS_OWN = /^\s+(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;

/** Which template, rendered with which settings, is which file. */
const RENDERED: readonly {
  readonly file: string;
  readonly template: string;
  readonly set?: string;
  /** Makes a patch of the resource. */
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
 * The resources of the kustomizations, comments and all, as Helm renders them of the chart's default values.
 * @throws Error if helm isn't there or fails.
 */
export function renderKustomizeFiles(): RenderedFile[] {
  return RENDERED.map(({ file, template, set, patch }) => {
    const sets = [`image.repository=${PLACEHOLDER_IMAGE}`, set].filter(Boolean).join(",");
    const args = ["--show-only", `templates/${template}`, "--set", sets];
    const { exitCode, stdout, stderr } = helmTemplate(args);
    if (exitCode !== 0) throw new Error(`helm can't render ${template}: ${stderr}`);
    const source = new RegExp(`^---\n# Source: .*/${basename(template)}\n`);
    const own = stdout.replace(source, "").replace(HELMS_OWN, "");
    return { path: join(kustomizeDir, file), text: HEADER + (patch?.(own) ?? own) };
  });
}

/** The resource as a patch that replaces the whole `spec`. */
function replaceSpec(resource: string): string {
  return resource.replace(/^spec:\n/m, "spec:\n  $patch: replace\n");
}
