import { YAML } from "bun";

interface SecuredContainer {
  readonly name: string;
  readonly securityContext: { readonly seLinuxOptions: object };
}

/**
 * A patch with only the SELinux types of a DaemonSet's containers.
 * @param daemonSet A DaemonSet in YAML, all of whose containers have types.
 */
export function seLinuxPatch(daemonSet: string): string {
  const { apiVersion, kind, metadata, spec } = YAML.parse(daemonSet) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: { readonly template: { readonly spec: Record<string, SecuredContainer[]> } };
  };
  const pod = Object.fromEntries(
    ["initContainers", "containers"].flatMap((key) => {
      const containers = spec.template.spec[key]?.map(typesOf);
      return containers === undefined ? [] : [[key, containers]];
    }),
  );
  const patch = { apiVersion, kind, metadata: { name: metadata.name } };
  return `${YAML.stringify({ ...patch, spec: { template: { spec: pod } } }, null, 2)}\n`;
}

function typesOf({ name, securityContext: { seLinuxOptions } }: SecuredContainer): object {
  return { name, securityContext: { seLinuxOptions } };
}
