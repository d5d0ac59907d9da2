import { accept, type OptionType, reject } from "./option-type.ts";

// k8s.io/apimachinery/pkg/util/validation: IsDNS1123Subdomain and IsQualifiedName.
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const MAX_SUBDOMAIN = 253;
const MAX_QUALIFIED_PART = 63;

/** A node's name: a DNS subdomain. */
export function nodeName(): OptionType<string> {
  return {
    expected: `a node name: lower-case letters, digits, "-" and ".", at most ${MAX_SUBDOMAIN} characters`,
    placeholder: "NAME",
    isSwitch: false,
    schema: { type: "string", pattern: SUBDOMAIN.source, maxLength: MAX_SUBDOMAIN },
    parse: (text) => (isSubdomain(text) ? accept(text) : reject()),
    show: (value) => value,
  };
}

/**
 * The name of an extended resource, by the kubelet's own rule (IsExtendedResourceName in
 * k8s.io/kubernetes/pkg/apis/core/v1/helper): what passes here is not refused at registration.
 */
export function resourceName(): OptionType<string> {
  return {
    expected: "an extended resource name such as example.com/cameras",
    placeholder: "DOMAIN/NAME",
    isSwitch: false,
    schema: {
      type: "string",
      pattern: `${SUBDOMAIN.source.slice(0, -1)}/${QUALIFIED_PART.source.slice(1)}`,
      maxLength: MAX_SUBDOMAIN - "requests.".length + 1 + MAX_QUALIFIED_PART,
      not: { pattern: "kubernetes\\.io/|^requests\\." },
    },
    parse: (text) => {
      const reason = resourceNameFault(text);
      return reason === undefined ? accept(text) : reject(reason);
    },
    show: (value) => value,
  };
}

function resourceNameFault(text: string): string | undefined {
  const [domain, name, ...rest] = text.split("/");
  if (domain === undefined || name === undefined || rest.length > 0) {
    return 'it needs a domain and a name with one "/" between them';
  }
  if (text.includes("kubernetes.io/")) return "kubernetes.io is reserved for Kubernetes itself";
  if (text.startsWith("requests.")) return '"requests." is reserved for resource quotas';
  // A quota writes the resource as requests.<name>, which has to be a qualified name as well.
  if (!isSubdomain(`requests.${domain}`)) return "the part before the slash is not a DNS domain";
  if (name.length > MAX_QUALIFIED_PART || !QUALIFIED_PART.test(name)) {
    return `the part after the slash is not 1 to ${MAX_QUALIFIED_PART} letters, digits, "-", "_" and ".", with a letter or digit at both ends`;
  }
  return undefined;
}

function isSubdomain(text: string): boolean {
  return text.length <= MAX_SUBDOMAIN && SUBDOMAIN.test(text);
}
