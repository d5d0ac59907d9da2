import { accept, type OptionType, reject } from "./option-type.ts";

// k8s.io/apimachinery/pkg/util/validation: IsDNS1123Subdomain, IsDNS1123Label and IsQualifiedName.
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const maxLabel = 63;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const maxSubdomain = 253;
const maxQualifiedPart = 63;

/** A node's name: a DNS subdomain. */
export function nodeName(): OptionType<string> {
  return {
    expected: `a node name: lower-case letters, digits, "-" and ".", at most ${maxSubdomain} characters`,
    placeholder: "NAME",
    schema: { type: "string", pattern: subdomain.source, maxLength: maxSubdomain },
    parse: (text) => (isSubdomain(text) ? accept(text) : reject()),
  };
}

/** The name of a pool: a DNS label, since files, metrics and log lines have it. */
export function poolName(): OptionType<string> {
  return {
    expected: `a name of lower-case letters, digits and "-", with a letter or digit at both ends, at most ${maxLabel} characters`,
    placeholder: "NAME",
    schema: { type: "string", pattern: label.source, maxLength: maxLabel },
    parse: (text) => (text.length <= maxLabel && label.test(text) ? accept(text) : reject()),
  };
}

/** A node's name, in which `*` stands for any characters and `?` for one. */
export function nodeGlob(): OptionType<string> {
  return {
    expected: `a node name, in which * and ? may stand for others, at most ${maxSubdomain} characters`,
    placeholder: "GLOB",
    schema: { type: "string", pattern: "^[a-z0-9.*?-]+$", maxLength: maxSubdomain },
    parse: (text) =>
      /^[a-z0-9.*?-]+$/.test(text) && text.length <= maxSubdomain ? accept(text) : reject(),
  };
}

/**
 * The name of an extended resource, by the kubelet's own rule (IsExtendedResourceName in
 * k8s.io/kubernetes/pkg/apis/core/v1/helper), so that the kubelet rejects no name that passes here.
 */
export function resourceName(): OptionType<string> {
  return {
    expected: "an extended resource name such as example.com/cameras",
    placeholder: "DOMAIN/NAME",
    schema: {
      type: "string",
      pattern: `${subdomain.source.slice(0, -1)}/${qualifiedPart.source.slice(1)}`,
      maxLength: maxSubdomain - "requests.".length + 1 + maxQualifiedPart,
      not: { pattern: "kubernetes\\.io/|^requests\\." },
    },
    parse: (text) => {
      const reason = resourceNameFault(text);
      return reason === undefined ? accept(text) : reject(reason);
    },
  };
}

function resourceNameFault(text: string): string | undefined {
  const [domain, name, ...rest] = text.split("/");
  if (domain === undefined || name === undefined || rest.length > 0) {
    return 'it needs a domain and a name with one "/" between them';
  }
  if (text.includes("kubernetes.io/")) return "kubernetes.io is reserved for Kubernetes itself";
  if (text.startsWith("requests.")) return '"requests." is reserved for resource quotas';
  // A quota writes the resource as requests.<name>, which must be a qualified name as well.
  if (!isSubdomain(`requests.${domain}`)) return "the part before the slash is not a DNS domain";
  if (name.length > maxQualifiedPart || !qualifiedPart.test(name)) {
    return `the part after the slash is not 1 to ${maxQualifiedPart} letters, digits, "-", "_" and ".", with a letter or digit at both ends`;
  }
  return undefined;
}

function isSubdomain(text: string): boolean {
  return text.length <= maxSubdomain && subdomain.test(text);
}
