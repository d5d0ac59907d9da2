import manifest from "../../package.json" with { type: "json" };

/** The project's addresses. All follow from `repository` in package.json: a fork changes that field alone. */
export interface Names {
  /** `meeting-baas`, as GitHub spells it. */
  readonly owner: string;
  /** Web address of the sources, without a slash at the end. */
  readonly sources: string;
  /** Files of the branch `main` as they are, without a slash at the end: for pictures. */
  readonly raw: string;
  /** The image, without a tag. */
  readonly image: string;
  /** Where `helm push` puts the chart: the chart's address without its name. */
  readonly charts: string;
  /** The chart, as `helm install` reads it. */
  readonly chart: string;
}

/**
 * The addresses that follow from a `repository` of package.json.
 *
 * @param repository `github:OWNER/NAME` (https://docs.npmjs.com/cli/v11/configuring-npm/package-json#repository).
 * @throws Error for anything else.
 */
export function namesOf(repository: string): Names {
  const [, owner, name] = /^github:([\w-]+)\/([\w.-]+)$/.exec(repository) ?? [];
  if (owner === undefined || name === undefined) {
    throw new Error(`package.json: repository: expected github:OWNER/NAME, got "${repository}"`);
  }
  // A reference has no capital letters: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
  const registry = `ghcr.io/${owner.toLowerCase()}`;
  return {
    owner,
    sources: `https://github.com/${owner}/${name}`,
    raw: `https://raw.githubusercontent.com/${owner}/${name}/main`,
    image: `${registry}/${name.toLowerCase()}`,
    charts: `oci://${registry}/charts`,
    chart: `oci://${registry}/charts/${manifest.name}`,
  };
}

/** The addresses of this checkout. */
export const names = namesOf(manifest.repository);

/** The image of an example, without a tag. @param directory its directory in `deploy/examples`. */
export function exampleImage(directory: string): string {
  return `${names.image}/${directory}`;
}
