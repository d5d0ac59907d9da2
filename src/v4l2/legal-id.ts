/** Names of devices in CDI have at most this many characters where they become labels. */
const maxLength = 63;

/**
 * Makes a text a name that the kubelet and CDI accept: letters, digits and `_.:-`, the first and the last one a letter or
 * digit (container-device-interface, pkg/parser). What is too long is cut, and ends with a hash of the whole.
 */
export function legalId(text: string): string {
  const legal = text
    .replace(/[^A-Za-z0-9_.:-]/g, "-")
    // As replicas of a device have it.
    .replace(/:(?=:)/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/[^A-Za-z0-9]+$/, "");
  if (legal === "") return `device-${hashOf(text)}`;
  return legal.length <= maxLength ? legal : withHash(legal, text);
}

/** The name with a hash of `text` at its end. */
export function withHash(legal: string, text: string): string {
  const hash = hashOf(text);
  return `${legal.slice(0, maxLength - hash.length - 1)}-${hash}`;
}

function hashOf(text: string): string {
  return Bun.hash.crc32(text).toString(16).padStart(8, "0");
}
