/**
 * True if a device plugin may register this resource: a qualified name, outside `kubernetes.io/`, without
 * `requests.` at its start, and still qualified once a quota prefixes it with `requests.`.
 * Source: pkg/apis/core/v1/helper/helpers.go, IsExtendedResourceName.
 */
export function isExtendedResourceName(name: string): boolean {
  if (!name.includes("/") || name.includes("kubernetes.io/") || name.startsWith("requests.")) {
    return false;
  }
  return isQualifiedName(`requests.${name}`);
}

/** Longest DNS subdomain and longest name part: apimachinery pkg/util/validation/validation.go. */
const maxPrefix = 253;
const maxName = 63;

const namePattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `prefix/name` or `name`; apimachinery pkg/util/validation/validation.go, IsQualifiedName. */
function isQualifiedName(value: string): boolean {
  const parts = value.split("/");
  if (parts.length > 2) return false;
  const name = parts.at(-1) ?? "";
  if (name.length > maxName || !namePattern.test(name)) return false;
  if (parts.length === 1) return true;
  const prefix = parts[0] ?? "";
  return prefix.length <= maxPrefix && subdomainPattern.test(prefix);
}
