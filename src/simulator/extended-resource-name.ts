/**
 * Whether a device plugin may register this resource: qualified, outside `kubernetes.io/`, not starting
 * with `requests.`, and still a qualified name once quota puts `requests.` before it.
 * Source: pkg/apis/core/v1/helper/helpers.go, IsExtendedResourceName.
 */
export function isExtendedResourceName(name: string): boolean {
  if (!name.includes("/") || name.includes("kubernetes.io/") || name.startsWith("requests.")) {
    return false;
  }
  return isQualifiedName(`requests.${name}`);
}

/** Longest DNS subdomain and longest name part: apimachinery pkg/util/validation/validation.go. */
const MAX_PREFIX = 253;
const MAX_NAME = 63;

const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `prefix/name` or `name`; apimachinery pkg/util/validation/validation.go, IsQualifiedName. */
function isQualifiedName(value: string): boolean {
  const parts = value.split("/");
  if (parts.length > 2) return false;
  const name = parts.at(-1) ?? "";
  if (name.length > MAX_NAME || !NAME.test(name)) return false;
  if (parts.length === 1) return true;
  const prefix = parts[0] ?? "";
  return prefix.length <= MAX_PREFIX && SUBDOMAIN.test(prefix);
}
