import { YAML } from "bun";

interface Named {
  readonly name: string;
}

interface Container extends Named {
  readonly env: readonly Named[];
  readonly volumeMounts: readonly (Named & { readonly mountPath: string })[];
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly Named[];
}

interface DaemonSet {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Named;
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

/**
 * A patch that turns the pods of one DaemonSet into those of another, which has the same containers with other variables, and
 * further mounts and volumes.
 *
 * @param before A DaemonSet in YAML, and so is `after`.
 */
export function poolsPatch(before: string, after: string): string {
  const { apiVersion, kind, metadata, spec } = YAML.parse(after) as DaemonSet;
  const old = (YAML.parse(before) as DaemonSet).spec.template.spec;
  const next = spec.template.spec;
  const { initContainers = [] } = next;
  const changed = (containers: readonly Container[]) =>
    containers.map((container) => changes(containerOf(old, container), container));
  const pod = {
    ...(initContainers.length > 0 && { initContainers: changed(initContainers) }),
    containers: changed(next.containers),
    volumes: added(old.volumes, next.volumes),
  };
  const patch = { apiVersion, kind, metadata: { name: metadata.name } };
  return `${YAML.stringify({ ...patch, spec: { template: { spec: pod } } }, null, 2)}\n`;
}

function changes(before: Container, { name, env, volumeMounts }: Container): object {
  const names = new Set(env.map((variable) => variable.name));
  const removed = before.env.filter((variable) => !names.has(variable.name));
  return {
    name,
    env: [
      ...removed.map((variable) => ({ $patch: "delete", name: variable.name })),
      ...added(before.env, env),
    ],
    volumeMounts: added(before.volumeMounts, volumeMounts),
  };
}

function containerOf({ initContainers = [], containers }: PodSpec, { name }: Named): Container {
  const found = [...initContainers, ...containers].find((container) => container.name === name);
  if (found === undefined) throw new Error(`only one of the DaemonSets has the container ${name}`);
  return found;
}

/** What is new or different in a list. */
function added<T extends object>(before: readonly T[], after: readonly T[]): T[] {
  return after.filter((one) => !before.some((other) => Bun.deepEquals(one, other)));
}
