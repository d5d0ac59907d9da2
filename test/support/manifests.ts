import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob, YAML } from "bun";

const kustomizeDir = join(import.meta.dir, "../../deploy/kubernetes");

/** The DaemonSet's two profiles. */
export type Profile = "full" | "restricted";
export const profiles: readonly Profile[] = ["full", "restricted"];

/** The part of a container that tests use. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly resources?: Readonly<Record<"requests" | "limits", Record<string, unknown>>>;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string; readonly type?: string };
  }[];
  readonly [more: string]: unknown;
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

/** Any object of a manifest. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [more: string]: unknown };
  readonly spec?: unknown;
  readonly [more: string]: unknown;
}

/** The documents of a YAML text. */
export function parseDocuments(text: string): KubernetesObject[] {
  const parsed: unknown = YAML.parse(text);
  const documents = Array.isArray(parsed) ? parsed : [parsed];
  return documents.filter((document) => document !== null && document !== undefined);
}

/** The part of a DaemonSet's spec that tests use. */
export interface DaemonSetSpec {
  readonly updateStrategy: { readonly rollingUpdate: Readonly<Record<string, number | string>> };
  readonly template: PodTemplate;
}

/** The spec of a profile's DaemonSet in `deploy/kubernetes`. */
export function renderedDaemonSetSpec(profile: Profile): DaemonSetSpec {
  const file = { full: "base/daemonset.yaml", restricted: "components/restricted/daemonset.yaml" };
  const text = readFileSync(join(kustomizeDir, file[profile]), "utf8");
  const [daemonSet] = parseDocuments(text) as unknown as [{ spec: DaemonSetSpec }];
  return daemonSet.spec;
}

/** Its pod template. */
export function renderedPodTemplate(profile: Profile): PodTemplate {
  return renderedDaemonSetSpec(profile).template;
}

/** Every container of a pod, in the order of their start. */
export function containersOf({ initContainers = [], containers }: PodSpec): readonly Container[] {
  return [...initContainers, ...containers];
}

/** The examples' objects, by file. */
export function exampleObjects(): ReadonlyMap<string, readonly KubernetesObject[]> {
  const directory = join(kustomizeDir, "examples");
  const files = [...new Glob("*.yaml").scanSync(directory)].sort();
  return new Map(
    files.map((file) => [file, parseDocuments(readFileSync(join(directory, file), "utf8"))]),
  );
}

/** The chart's values in the comment of the example two-pools.yaml: its pools, as YAML. */
export function examplePools(): string {
  const text = readFileSync(join(kustomizeDir, "examples/two-pools.yaml"), "utf8");
  const [block] = /^# {3}pools:\n(?:# {5}.*\n)+/m.exec(text) ?? [];
  if (block === undefined) throw new Error("no pools in the comment of two-pools.yaml");
  return block.replaceAll(/^# {3}/gm, "");
}

/** The pod of an object: itself, or its template. */
export function podSpecOf({ kind, spec }: KubernetesObject): PodSpec | undefined {
  const inside = spec as { template?: PodTemplate; jobTargetRef?: { template: PodTemplate } };
  switch (kind) {
    case "Pod":
      return spec as PodSpec;
    case "DaemonSet":
    case "Deployment":
    case "Job":
      return inside.template?.spec;
    case "ScaledJob":
      return inside.jobTargetRef?.template.spec;
    default:
      return undefined;
  }
}
